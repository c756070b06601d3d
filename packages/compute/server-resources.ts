// What a server takes of its host, from its flavor: for placement, and as the scheduler is told it.
import type { RequestSpec } from "./scheduler-contract.ts";
import type { FlavorCopy } from "./tables.ts";

type SizedFlavor = Pick<FlavorCopy, "vcpus" | "ram" | "disk" | "ephemeral" | "swap">;

/** In whole GB; the root disk counts only when it is on the host. */
function diskGbOf({ disk, ephemeral, swap }: SizedFlavor, hasImage: boolean): number {
  return (hasImage ? disk : 0) + ephemeral + Math.ceil(swap / 1024);
}

export function resourcesOf(flavor: SizedFlavor, hasImage: boolean): Record<string, number> {
  const diskGb = diskGbOf(flavor, hasImage);
  return { VCPU: flavor.vcpus, MEMORY_MB: flavor.ram, ...(diskGb === 0 ? {} : { DISK_GB: diskGb }) };
}

export function wantedFlavor(flavor: FlavorCopy, hasImage: boolean): RequestSpec["flavor"] {
  return {
    name: flavor.name,
    vcpus: flavor.vcpus,
    memoryMb: flavor.ram,
    diskGb: diskGbOf(flavor, hasImage),
    extraSpecs: flavor.extra_specs,
  };
}
