// What must always hold, of all packages together.
import { computeInvariants } from "@micronova/compute";
import { type Invariant, identityInvariants } from "@micronova/identity";
import { imageInvariants } from "@micronova/image";
import { networkInvariants } from "@micronova/network";
import { placementInvariants } from "@micronova/placement";
import { volumeInvariants } from "@micronova/volume";

export const cloudInvariants: readonly Invariant[] = [
  ...identityInvariants,
  ...imageInvariants,
  ...placementInvariants,
  ...networkInvariants,
  ...volumeInvariants,
  ...computeInvariants,
];
