// Hosts as hypervisors: what each has, what of it is taken, and which servers are there.
import type { Uuid } from "@micronova/kit";
import { type Usage, usages } from "@micronova/placement";
import type { Tx } from "@micronova/store";
import { type PlacedService, placedServices } from "./availability-zones.ts";
import type { ComputeConfig } from "./config.ts";
import { numberOf } from "./numeric-ids.ts";
import type { ComputeNode } from "./tables.ts";

export interface Hypervisor {
  readonly node: ComputeNode;
  readonly placed: PlacedService;
  readonly vcpusUsed: number;
  /** What the host keeps for itself counts as used, as in Nova. */
  readonly memoryUsedMb: number;
  readonly diskUsedGb: number;
  readonly serverCount: number;
  /** Servers with a task under way. */
  readonly workload: number;
  readonly servers: readonly { readonly id: Uuid }[];
}

/** All hypervisors by id, which is the order of their pages. */
export async function listHypervisors(tx: Tx, config: ComputeConfig): Promise<Hypervisor[]> {
  const nodes = await tx.selectFrom("compute_nodes").selectAll().orderBy("id").execute();
  const services = new Map((await placedServices(tx, config)).map((one) => [one.service.id, one]));
  const used = await usages(
    tx,
    nodes.map((node) => node.id),
  );
  const servers = await tx
    .selectFrom("servers")
    .select(["id", "host"])
    .where("deleted_at", "is", null)
    .where("host", "is not", null)
    .execute();
  const busy = await tx
    .selectFrom("servers")
    .select("host")
    .where("deleted_at", "is", null)
    .where("task_state", "is not", null)
    .execute();
  return nodes.flatMap((node) => {
    const placed = services.get(node.service_id);
    if (placed === undefined) return [];
    const here = servers.filter((server) => server.host === node.host);
    const amounts = used.get(node.id) ?? {};
    return [
      {
        node,
        placed,
        vcpusUsed: usedOf(amounts["VCPU"]),
        memoryUsedMb: usedOf(amounts["MEMORY_MB"]) + (amounts["MEMORY_MB"]?.reserved ?? 0),
        diskUsedGb: usedOf(amounts["DISK_GB"]),
        serverCount: here.length,
        workload: busy.filter((server) => server.host === node.host).length,
        servers: here,
      },
    ];
  });
}

/** By UUID, or by the number that older versions show. */
export function hasId(hypervisor: Hypervisor, id: string): boolean {
  return hypervisor.node.id === id || String(numberOf(hypervisor.node.id)) === id;
}

function usedOf(usage: Usage | undefined): number {
  return usage?.used ?? 0;
}
