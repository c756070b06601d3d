// How flavors look.
import { always, sinceField, untilField, type View } from "@micronova/http";
import { extraSpecs } from "../../flavors.ts";
import type { Flavor } from "../../tables-flavors.ts";
import { linksTo } from "./links.ts";

export const flavorBriefView: View<Flavor> = {
  id: always((flavor) => flavor.id),
  name: always((flavor) => flavor.name),
  description: sinceField("2.55", (flavor) => flavor.description),
  links: always((flavor, { baseUrl }) => linksTo(baseUrl, "flavors", flavor.id)),
};

export const flavorView: View<Flavor> = {
  ...flavorBriefView,
  vcpus: always((flavor) => flavor.vcpus),
  ram: always((flavor) => flavor.ram),
  disk: always((flavor) => flavor.disk),
  swap: [
    // Older clients know no swap as an empty text.
    untilField("2.74", (flavor) => (flavor.swap === 0 ? "" : flavor.swap)),
    sinceField("2.75", (flavor) => flavor.swap),
  ],
  "OS-FLV-EXT-DATA:ephemeral": always((flavor) => flavor.ephemeral),
  "OS-FLV-DISABLED:disabled": untilField("2.101", () => false),
  "os-flavor-access:is_public": always((flavor) => flavor.is_public === 1),
  rxtx_factor: untilField("2.101", (flavor) => flavor.rxtx_factor),
  extra_specs: sinceField("2.61", (flavor, { may }) =>
    may("os_compute_api:os-flavor-extra-specs:index") ? extraSpecs(flavor) : undefined,
  ),
};
