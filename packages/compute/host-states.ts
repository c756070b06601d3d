// Hosts as schedulers see them, gathered from the tables in four queries however many hosts there are.
import { usages } from "@micronova/placement";
import { now, sql, type Tx } from "@micronova/store";
import { zonesOfHosts } from "./availability-zones.ts";
import type { ComputeConfig } from "./config.ts";
import { computeBinary, isUp } from "./hosts.ts";
import type { HostLoad, HostState } from "./scheduler/index.ts";

export interface KnownHost extends HostState {
  readonly nodeId: string;
  readonly node: string;
}

export async function readHostStates(
  read: Tx,
  config: ComputeConfig,
  loads: ReadonlyMap<string, HostLoad>,
): Promise<KnownHost[]> {
  const rows = await read
    .selectFrom("compute_nodes as node")
    .innerJoin("compute_services as service", "service.id", "node.service_id")
    .selectAll("node")
    .select([
      "service.is_disabled",
      "service.disabled_reason",
      "service.last_seen",
      "service.is_forced_down",
      "service.deaf_since",
    ])
    .where("service.binary", "=", computeBinary)
    .execute();
  const [used, zones, counts] = [await usages(read), await zonesOfHosts(read), await countServers(read)];
  const at = now(read);
  return rows.map((row) => {
    const amounts = used.get(row.id) ?? {};
    return {
      nodeId: row.id,
      node: row.hypervisor_hostname,
      host: row.host,
      availabilityZone: zones.get(row.host) ?? config.default_availability_zone,
      isEnabled: row.is_disabled === 0,
      disabledReason: row.disabled_reason,
      isUp: isUp(row, at, config),
      isDeaf: row.deaf_since !== null,
      architectures: [row.architecture],
      hypervisorType: row.hypervisor_type,
      ...resources(amounts, row),
      serverCount: counts.get(row.host)?.servers ?? 0,
      ioOpsCount: counts.get(row.host)?.busy ?? 0,
      load: loads.get(row.host) ?? null,
    };
  });
}

type Amounts = Awaited<ReturnType<typeof usages>> extends ReadonlyMap<string, infer A> ? A : never;

/** What placement says may be claimed: an operator may have changed it there. */
function resources(
  amounts: Amounts,
  node: { readonly vcpus: number; readonly memory_mb: number; readonly local_gb: number },
) {
  const { VCPU, MEMORY_MB, DISK_GB } = amounts;
  return {
    vcpus: VCPU?.total ?? node.vcpus,
    vcpusUsed: VCPU?.used ?? 0,
    cpuRatio: VCPU?.allocation_ratio ?? 1,
    memoryMb: MEMORY_MB?.total ?? node.memory_mb,
    memoryUsedMb: MEMORY_MB?.used ?? 0,
    memoryReservedMb: MEMORY_MB?.reserved ?? 0,
    ramRatio: MEMORY_MB?.allocation_ratio ?? 1,
    diskGb: DISK_GB?.total ?? node.local_gb,
    diskUsedGb: DISK_GB?.used ?? 0,
    diskReservedGb: DISK_GB?.reserved ?? 0,
    diskRatio: DISK_GB?.allocation_ratio ?? 1,
  };
}

async function countServers(read: Tx) {
  const rows = await read
    .selectFrom("servers")
    .select("host")
    .select(sql<number>`COUNT(*)`.as("servers"))
    .select(sql<number>`COUNT(task_state)`.as("busy"))
    .where("deleted_at", "is", null)
    .where("host", "is not", null)
    .groupBy("host")
    .execute();
  return new Map(rows.map((row) => [row.host, { servers: Number(row.servers), busy: Number(row.busy) }]));
}
