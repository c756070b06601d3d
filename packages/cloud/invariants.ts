// What must always hold, of all packages together, and what mends it where it does not.
import { computeInspections, computeInvariants, computeRepairs } from "@micronova/compute";
import { identityInvariants } from "@micronova/identity";
import { imageInvariants } from "@micronova/image";
import { networkInvariants } from "@micronova/network";
import type { Checks } from "@micronova/operations";
import { placementInvariants } from "@micronova/placement";
import { quietSagaInvariants, sagaInvariants } from "@micronova/saga";
import type { Invariant, Store } from "@micronova/store";
import { quietVolumeInvariants, volumeInspections, volumeInvariants, volumeRepairs } from "@micronova/volume";

export const cloudInvariants: readonly Invariant[] = [
  ...sagaInvariants,
  ...identityInvariants,
  ...imageInvariants,
  ...placementInvariants,
  ...networkInvariants,
  ...volumeInvariants,
  ...quietVolumeInvariants,
  ...computeInvariants,
];

/** For a doctor, who lets be what is under way. */
export const cloudChecks: Checks = {
  invariants: cloudInvariants,
  inspections: [...computeInspections, ...volumeInspections],
  repairs: { ...volumeRepairs, ...computeRepairs },
};

/** What is wrong in the tables of a cloud in which nothing is under way: a sentence for each. */
export async function violations({ read }: Pick<Store, "read">): Promise<string[]> {
  const found: string[] = [];
  for (const { name, find } of [...cloudInvariants, ...quietSagaInvariants]) {
    for (const { text } of await find(read)) found.push(`${name}: ${text}`);
  }
  return found;
}
