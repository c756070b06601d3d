// How servers look, at every microversion: the detailed view as data, and the two short ones.
import { always, betweenField, type Field, sinceField, untilField, type View } from "@micronova/http";
import { isoMicros, isoSeconds } from "@micronova/kit";
import type { GatheredServer } from "../../server-show.ts";
import type { ServerFault } from "../../server-state.ts";
import { showsFault, showsProgress } from "../../states.ts";
import type { Server } from "../../tables.ts";
import { bookmarkTo, hostIdOf, linksTo } from "./links.ts";

const json = (text: string): unknown => JSON.parse(text);
const micros = (at: number | null) => (at === null ? null : isoMicros(at));

function addresses({ addresses: all }: GatheredServer): Record<string, object[]> {
  const byNetwork: Record<string, object[]> = {};
  for (const { network_name, version, address, mac_address, type } of all) {
    byNetwork[network_name] ??= [];
    byNetwork[network_name].push({
      version,
      addr: address,
      "OS-EXT-IPS:type": type ?? "fixed",
      "OS-EXT-IPS-MAC:mac_addr": mac_address,
    });
  }
  return byNetwork;
}

function flavorEmbedded({ flavor }: GatheredServer): object {
  const { vcpus, ram, disk, ephemeral, swap, name, extra_specs } = flavor;
  return { vcpus, ram, disk, ephemeral, swap, original_name: name, extra_specs };
}

function image({ server }: GatheredServer, baseUrl: string): { id: string; links: object[] } | "" {
  if (server.image_id === null) return "";
  return { id: server.image_id, links: bookmarkTo(baseUrl, "images", server.image_id) };
}

function fault({ server, status }: GatheredServer, isAdmin: boolean): object | undefined {
  if (server.fault === null || !showsFault(status)) return undefined;
  // Written by server-state.ts alone.
  const { code, message, details, created } = json(server.fault) as ServerFault;
  const shown = { code, created: isoSeconds(created), message };
  return isAdmin || code !== 500 ? { ...shown, details } : shown;
}

const always_ = always<GatheredServer>;
const admin = (field: Field<GatheredServer>): Field<GatheredServer> => ({ ...field, adminOnly: true });
const attribute = (get: (server: Server) => unknown, first?: string) =>
  admin(
    first === undefined
      ? always_(({ server }) => get(server))
      : sinceField(first, ({ server }) => get(server)),
  );

/** Everything but what only a single server's answer shows. */
export const serverDetailView: View<GatheredServer> = {
  id: always(({ server }) => server.id),
  name: always(({ server }) => server.name),
  status: always(({ status }) => status),
  tenant_id: always(({ server }) => server.project_id),
  user_id: always(({ server }) => server.user_id),
  metadata: always(({ server }) => json(server.metadata)),
  hostId: always(({ server }) => hostIdOf(server.project_id, server.host)),
  image: [
    untilField("2.97", (shown, { baseUrl }) => image(shown, baseUrl)),
    sinceField("2.98", (shown, { baseUrl }) => {
      const plain = image(shown, baseUrl);
      return plain === "" ? plain : { ...plain, properties: json(shown.server.image_properties) };
    }),
  ],
  flavor: [
    untilField("2.46", ({ server }, { baseUrl }) => ({
      id: server.flavor_id,
      links: bookmarkTo(baseUrl, "flavors", server.flavor_id),
    })),
    sinceField("2.47", flavorEmbedded),
  ],
  created: always(({ server }) => isoSeconds(server.created_at)),
  updated: always(({ server }) => isoSeconds(server.updated_at)),
  addresses: always(addresses),
  accessIPv4: always(({ server }) => server.access_ip_v4 ?? ""),
  accessIPv6: always(({ server }) => server.access_ip_v6 ?? ""),
  links: always(({ server }, { baseUrl }) => linksTo(baseUrl, "servers", server.id)),
  "OS-DCF:diskConfig": always(({ server }) => (server.auto_disk_config === 1 ? "AUTO" : "MANUAL")),
  progress: always(({ server, status }) => (showsProgress(status) ? server.progress : undefined)),
  "OS-EXT-AZ:availability_zone": always(({ server }) => server.availability_zone ?? ""),
  config_drive: always(({ server }) => (server.config_drive === 1 ? "True" : "")),
  key_name: always(({ server }) => server.key_name),
  "OS-SRV-USG:launched_at": always(({ server }) => micros(server.launched_at)),
  "OS-SRV-USG:terminated_at": always(({ server }) => micros(server.terminated_at)),
  security_groups: always(({ server }) => securityGroups(server)),
  "OS-EXT-SRV-ATTR:host": attribute((server) => server.host),
  "OS-EXT-SRV-ATTR:instance_name": attribute((server) => instanceName(server)),
  "OS-EXT-SRV-ATTR:hypervisor_hostname": attribute((server) => server.node),
  "OS-EXT-SRV-ATTR:reservation_id": attribute((server) => server.reservation_id, "2.3"),
  "OS-EXT-SRV-ATTR:launch_index": attribute((server) => server.launch_index, "2.3"),
  "OS-EXT-SRV-ATTR:hostname": [
    admin(betweenField("2.3", "2.89", ({ server }) => server.hostname)),
    sinceField("2.90", ({ server }) => server.hostname),
  ],
  "OS-EXT-SRV-ATTR:kernel_id": attribute((server) => server.kernel_id ?? "", "2.3"),
  "OS-EXT-SRV-ATTR:ramdisk_id": attribute((server) => server.ramdisk_id ?? "", "2.3"),
  "OS-EXT-SRV-ATTR:root_device_name": attribute((server) => server.root_device_name, "2.3"),
  "OS-EXT-SRV-ATTR:user_data": attribute((server) => server.user_data, "2.3"),
  "OS-EXT-STS:task_state": always(({ server }) => server.task_state),
  "OS-EXT-STS:vm_state": always(({ server }) => server.vm_state),
  "OS-EXT-STS:power_state": always(({ server }) => server.power_state),
  "os-extended-volumes:volumes_attached": [
    untilField("2.2", ({ volumes }) => volumes.map(({ id }) => ({ id }))),
    sinceField("2.3", ({ volumes }) => volumes),
  ],
  fault: always((shown, { context }) => fault(shown, context.isAdmin)),
  locked: sinceField("2.9", ({ server }) => server.locked_by !== null),
  host_status: admin(sinceField("2.16", ({ hostStatus }) => hostStatus)),
  description: sinceField("2.19", ({ server }) => server.description),
  tags: sinceField("2.26", ({ server }) => json(server.tags)),
  trusted_image_certificates: sinceField("2.63", ({ server }) =>
    server.trusted_image_certificates === null ? null : json(server.trusted_image_certificates),
  ),
  locked_reason: sinceField("2.73", ({ server }) => server.locked_reason),
  pinned_availability_zone: sinceField("2.96", ({ server }) => server.pinned_availability_zone),
  scheduler_hints: sinceField("2.100", ({ server }) => json(server.scheduler_hints)),
};

/** A single server's answer: as in lists, and its group. */
export const serverView: View<GatheredServer> = {
  ...serverDetailView,
  server_groups: sinceField("2.71", ({ server }) =>
    server.server_group_id === null ? [] : [server.server_group_id],
  ),
};

/** What `PUT` answered before 2.75, when it began to answer the whole. */
const updateFields = [
  "id",
  "name",
  "status",
  "tenant_id",
  "user_id",
  "metadata",
  "hostId",
  "image",
  "flavor",
  "created",
  "updated",
  "addresses",
  "accessIPv4",
  "accessIPv6",
  "links",
  "OS-DCF:diskConfig",
  "progress",
  "fault",
  "locked",
  "description",
  "tags",
  "trusted_image_certificates",
  "server_groups",
  "locked_reason",
] as const;

export const serverUpdateView: View<GatheredServer> = Object.fromEntries(
  Object.entries(serverView).map(([name, field]) => {
    if (updateFields.some((kept) => kept === name)) {
      if (name !== "addresses") return [name, field];
      return [name, [untilField("2.74", shortAddresses), sinceField("2.75", addresses)]];
    }
    const meanings: readonly Field<GatheredServer>[] = Array.isArray(field) ? field : [field];
    return [name, meanings.flatMap((meaning) => from275(meaning))];
  }),
);

function from275(field: Field<GatheredServer>): Field<GatheredServer>[] {
  const [, minor = 0] = (field.until ?? "2.999").split(".").map(Number);
  if (minor < 75) return [];
  const [, first = 0] = (field.since ?? "2.1").split(".").map(Number);
  return [first < 75 ? { ...field, since: "2.75" } : field];
}

/** Addresses as `/ips` and old updates show them. */
export function shortAddresses({
  addresses: all,
}: Pick<GatheredServer, "addresses">): Record<string, object[]> {
  const byNetwork: Record<string, object[]> = {};
  for (const { network_name, version, address } of all) {
    byNetwork[network_name] ??= [];
    byNetwork[network_name].push({ version, addr: address });
  }
  return byNetwork;
}

/** A list without details. */
export const serverBriefView: View<Server> = {
  id: always(({ id }) => id),
  name: always(({ name }) => name),
  links: always(({ id }, { baseUrl }) => linksTo(baseUrl, "servers", id)),
};

/** Absent until the server has ports that groups apply to. */
function securityGroups(server: Server): object[] | undefined {
  if (server.host === null) return undefined;
  // Written as a JSON array of names by this package alone.
  const names = json(server.security_groups) as string[];
  return names.length === 0 ? undefined : names.map((name) => ({ name }));
}

/** The name Nova gives a guest, from the server's id instead of a counter. */
export function instanceName({ id }: Pick<Server, "id">): string {
  return `instance-${id.slice(0, 8)}`;
}
