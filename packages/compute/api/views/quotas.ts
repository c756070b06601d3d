// How limits look: quota sets, quota classes, and the older `limits`.
import { always, type Field, sinceField, untilField, type View } from "@micronova/http";
import type { Limits, QuotaResource } from "../../quotas.ts";

type Show<T> = (from: T, resource: QuotaResource) => unknown;

const everywhere = ["instances", "cores", "ram", "metadata_items", "key_pairs"] as const;
const groups = ["server_groups", "server_group_members"] as const;
const files = ["injected_files", "injected_file_content_bytes", "injected_file_path_bytes"] as const;
const networks = ["floating_ips", "fixed_ips", "security_groups", "security_group_rules"] as const;

function fields<T>(
  resources: readonly QuotaResource[],
  field: (get: Field<T>["get"]) => Field<T>,
  show: Show<T>,
): View<T> {
  return Object.fromEntries(resources.map((resource) => [resource, field((from) => show(from, resource))]));
}

/** The quotas of a set, each as `show` says. */
function quotaSetView<T>(show: Show<T>): View<T> {
  return {
    ...fields<T>(everywhere, always, show),
    ...fields<T>(groups, always, show),
    ...fields<T>(files, (get) => untilField("2.56", get), show),
    ...fields<T>(networks, (get) => untilField("2.35", get), show),
  };
}

export const limitsOnlyView = quotaSetView<Limits>((limits, resource) => limits[resource]);

export const quotaClassView: View<Limits> = {
  ...fields<Limits>(everywhere, always, (limits, resource) => limits[resource]),
  ...fields<Limits>(
    groups,
    (get) => sinceField("2.50", get),
    (limits, resource) => limits[resource],
  ),
  ...fields<Limits>(
    files,
    (get) => untilField("2.56", get),
    (limits, resource) => limits[resource],
  ),
  ...fields<Limits>(
    networks,
    (get) => untilField("2.49", get),
    (limits, resource) => limits[resource],
  ),
};

export interface LimitsAndUse {
  readonly limits: Limits;
  readonly used: Limits;
}

export const quotaDetailView = quotaSetView<LimitsAndUse>(({ limits, used }, resource) => ({
  limit: limits[resource],
  in_use: used[resource],
  // Nothing is reserved ahead: what exists is what counts.
  reserved: 0,
}));

export const absoluteLimitsView: View<LimitsAndUse> = {
  maxTotalInstances: always(({ limits }) => limits.instances),
  maxTotalCores: always(({ limits }) => limits.cores),
  maxTotalRAMSize: always(({ limits }) => limits.ram),
  maxServerMeta: always(({ limits }) => limits.metadata_items),
  maxImageMeta: untilField("2.38", ({ limits }) => limits.metadata_items),
  maxPersonality: untilField("2.56", ({ limits }) => limits.injected_files),
  maxPersonalitySize: untilField("2.56", ({ limits }) => limits.injected_file_content_bytes),
  maxTotalKeypairs: always(({ limits }) => limits.key_pairs),
  maxServerGroups: always(({ limits }) => limits.server_groups),
  maxServerGroupMembers: always(({ limits }) => limits.server_group_members),
  maxTotalFloatingIps: untilField("2.35", ({ limits }) => limits.floating_ips),
  maxSecurityGroups: untilField("2.35", ({ limits }) => limits.security_groups),
  maxSecurityGroupRules: untilField("2.35", ({ limits }) => limits.security_group_rules),
  totalInstancesUsed: always(({ used }) => used.instances),
  totalCoresUsed: always(({ used }) => used.cores),
  totalRAMUsed: always(({ used }) => used.ram),
  totalFloatingIpsUsed: untilField("2.35", ({ used }) => used.floating_ips),
  totalSecurityGroupsUsed: untilField("2.35", ({ used }) => used.security_groups),
  totalServerGroupsUsed: always(({ used }) => used.server_groups),
};
