// What this service is: its versions, extensions and filters.
import { reply, routesOf, since } from "@micronova/http";
import type { VolumeDeps } from "../deps.ts";
import { volumeHistory } from "../versions.ts";
import { volumeFilterNames } from "./volume-filters.ts";

const route = routesOf<VolumeDeps>();

const version = route({
  method: "GET",
  path: "/",
  policy: null,
  success: 200,
  summary: "Tells the version of this service.",
  handle: async ({ baseUrl }) => versionsOf(baseUrl),
});

const extensions = route({
  method: "GET",
  path: "/extensions",
  policy: "volume_extension:extensions",
  success: 200,
  summary: "Lists the extensions, all of which are part of this API.",
  handle: async () => ({
    extensions: extensionNames.map(([alias, name, description]) => {
      return { alias, name, description, links: [], updated: "2011-11-03T00:00:00+00:00" };
    }),
  }),
});

const filters = route({
  method: "GET",
  path: "/resource_filters",
  policy: "volume_extension:resource_filters",
  success: 200,
  ...since("3.33"),
  summary: "Lists the filters that lists know.",
  handle: async () => ({ resource_filters: [{ resource: "volume", filters: volumeFilterNames }] }),
});

export const discoveryRoutes = [version, extensions, filters];

/** `GET /volume/` is answered as Cinder's root is: with 300. */
export const rootRoute = route({
  method: "GET",
  path: "/",
  policy: null,
  success: 300,
  summary: "Lists the versions of block storage.",
  handle: async ({ baseUrl }) => reply({ status: 300, body: versionsOf(`${baseUrl}/v3`) }),
});

function versionsOf(base: string): object {
  const { min, max } = volumeHistory;
  return {
    versions: [
      {
        id: "v3.0",
        status: "CURRENT",
        version: max,
        min_version: min,
        updated: "2023-08-31T00:00:00Z",
        links: [
          { rel: "describedby", type: "text/html", href: "https://docs.openstack.org/" },
          { rel: "self", href: `${base}/` },
        ],
        "media-types": [
          { base: "application/json", type: "application/vnd.openstack.volume+json;version=3" },
        ],
      },
    ],
  };
}

const extensionNames = [
  ["os-vol-host-attr", "VolumeHostAttribute", "Expose host as an attribute of a volume."],
  [
    "os-vol-tenant-attr",
    "VolumeTenantAttribute",
    "Expose the internal project_id as an attribute of a volume.",
  ],
  [
    "os-vol-mig-status-attr",
    "VolumeMigStatusAttribute",
    "Expose migration_status as an attribute of a volume.",
  ],
  ["os-quota-sets", "Quotas", "Quota management support."],
  ["os-services", "Services", "Services support."],
  ["os-availability-zone", "AvailabilityZones", "Describe Availability Zones."],
  ["os-volume-actions", "VolumeActions", "Enable volume actions."],
  ["os-admin-actions", "AdminActions", "Enable admin actions."],
  ["os-extended-snapshot-attributes", "ExtendedSnapshotAttributes", "Extended SnapshotAttributes support."],
  ["os-types-extra-specs", "TypesExtraSpecs", "Type extra specs support."],
  ["os-types-manage", "TypesManage", "Types manage support."],
  ["os-volume-type-access", "VolumeTypeAccess", "Volume type access support."],
  ["os-vol-image-meta", "VolumeImageMetadata", "Show image metadata associated with the volume."],
  ["os-used-limits", "UsedLimits", "Provide data on limited resources that are being used."],
  ["scheduler-stats", "Scheduler_stats", "Scheduler stats support."],
] as const;
