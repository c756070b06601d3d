// What must always hold, of all packages together.
import { computeInvariants } from "@micronova/compute";
import { type Invariant, identityInvariants } from "@micronova/identity";
import { imageInvariants } from "@micronova/image";
import { networkInvariants } from "@micronova/network";
import { placementInvariants } from "@micronova/placement";
import { quietSagaInvariants } from "@micronova/saga";
import type { Store } from "@micronova/store";
import { quietVolumeInvariants, volumeInvariants } from "@micronova/volume";

export const cloudInvariants: readonly Invariant[] = [
  ...identityInvariants,
  ...imageInvariants,
  ...placementInvariants,
  ...networkInvariants,
  ...volumeInvariants,
  ...computeInvariants,
];

const quietInvariants: readonly Invariant[] = [
  ...cloudInvariants,
  ...quietSagaInvariants,
  ...quietVolumeInvariants,
];

/** What is wrong in the tables of a cloud in which nothing is under way: a sentence for each. */
export async function violations({ read }: Pick<Store, "read">): Promise<string[]> {
  const found: string[] = [];
  for (const { name, find } of quietInvariants) {
    for (const text of await find(read)) found.push(`${name}: ${text}`);
  }
  return found;
}
