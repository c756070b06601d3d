// Gathers what a page of servers shows beyond their own rows: one query a table, however many servers there
// are.
import { serverAddresses } from "@micronova/network";
import type { Tx } from "@micronova/store";
import type { ComputeConfig } from "./config.ts";
import { hostStatuses } from "./hosts.ts";
import { statusOf } from "./states.ts";
import type { FlavorCopy, Server } from "./tables.ts";

export interface GatheredServer {
  readonly server: Server;
  readonly status: string;
  readonly flavor: FlavorCopy;
  readonly addresses: readonly ServerAddress[];
  readonly volumes: readonly { readonly id: string; readonly delete_on_termination: boolean }[];
  readonly hostStatus: string;
}

export interface ServerAddress {
  readonly network_name: string;
  readonly version: number;
  readonly address: string;
  readonly mac_address: string;
  readonly type?: "fixed" | "floating";
}

export async function gatherServers(
  tx: Tx,
  servers: readonly Server[],
  options: { readonly config: ComputeConfig; readonly withHosts: boolean },
): Promise<GatheredServer[]> {
  if (servers.length === 0) return [];
  const ids = servers.map(({ id }) => id);
  const addresses = await serverAddresses(tx, ids);
  const volumes = await volumesOf(tx, ids);
  const hosts = options.withHosts ? [...new Set(servers.flatMap(({ host }) => host ?? []))] : [];
  const statuses = await hostStatuses(tx, hosts, options.config);
  return servers.map((server) => ({
    server,
    status: statusOf(server.vm_state, server.task_state),
    flavor: flavorOf(server.flavor),
    addresses: addresses.get(server.id) ?? [],
    volumes: volumes.get(server.id) ?? [],
    hostStatus: server.host === null ? "" : (statuses.get(server.host) ?? "UNKNOWN"),
  }));
}

async function volumesOf(tx: Tx, serverIds: readonly string[]) {
  const rows = await tx
    .selectFrom("block_device_mappings")
    .select(["server_id", "volume_id", "delete_on_termination"])
    .where("server_id", "in", serverIds)
    .orderBy("created_at")
    .execute();
  const byServer = new Map<string, { id: string; delete_on_termination: boolean }[]>();
  for (const row of rows) {
    const known = byServer.get(row.server_id) ?? [];
    known.push({ id: row.volume_id, delete_on_termination: row.delete_on_termination === 1 });
    byServer.set(row.server_id, known);
  }
  return byServer;
}

const flavors = new Map<string, FlavorCopy>();
/** More flavors than a page has; a cloud whose flavors change all day starts over. */
const flavorsMax = 500;

/** The parsed copy. Most servers of a cloud share a few flavors, so each text is parsed once. */
export function flavorOf(text: string): FlavorCopy {
  const known = flavors.get(text);
  if (known !== undefined) return known;
  if (flavors.size >= flavorsMax) flavors.clear();
  // Written as JSON of this type by this package alone.
  const flavor = JSON.parse(text) as FlavorCopy;
  flavors.set(text, flavor);
  return flavor;
}
