// Hosts as the control plane knows them: a service row that says whether the host lives, a node row that says
// what it has, and a resource provider that says how much of it may be claimed.
import type { Millis } from "@micronova/kit";
import { ensureProvider, setInventories } from "@micronova/placement";
import { newId, now, type Tx } from "@micronova/store";
import type { HostReport } from "./conductor-contract.ts";
import type { ComputeConfig } from "./config.ts";
import type { ComputeServiceRow } from "./tables.ts";

export const computeBinary = "nova-compute";

/** Version of the service rows we write; Nova's clients show it nowhere, its upgrade checks read it. */
const serviceVersion = 66;

/** Writes down a host that reported itself in full, and what may be claimed of it. */
export async function recordHost(tx: Tx, report: HostReport, config: ComputeConfig): Promise<void> {
  const { host, nodeId, inventory } = report;
  const service = await seeService(tx, computeBinary, host);
  const node = {
    service_id: service.id,
    host,
    hypervisor_hostname: host,
    hypervisor_type: inventory.hypervisorType,
    hypervisor_version: inventory.hypervisorVersion,
    host_ip: inventory.hostIp,
    architecture: inventory.architecture,
    vcpus: inventory.vcpus,
    memory_mb: inventory.memoryMb,
    local_gb: inventory.diskGb,
    cpu_info: JSON.stringify({ arch: inventory.architecture, ...inventory.cpuInfo }),
    updated_at: now(tx),
  };
  await tx
    .insertInto("compute_nodes")
    .values({ id: nodeId, ...node, created_at: now(tx) })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(node))
    .execute();
  await ensureProvider(tx, { id: nodeId, name: host });
  await setInventories(tx, nodeId, inventoriesOf(report, config));
}

function inventoriesOf({ inventory }: HostReport, config: ComputeConfig) {
  const whole = (total: number, reserved: number, allocation_ratio: number) => ({
    total,
    reserved: Math.min(reserved, total),
    allocation_ratio,
    min_unit: 1,
    max_unit: total,
    step_size: 1,
  });
  return {
    VCPU: whole(inventory.vcpus, 0, config.cpu_allocation_ratio),
    MEMORY_MB: whole(inventory.memoryMb, config.reserved_host_memory_mb, config.ram_allocation_ratio),
    DISK_GB: whole(inventory.diskGb, 0, config.disk_allocation_ratio),
  };
}

/** The service's row, made when it is new, seen now in any case. */
export async function seeService(tx: Tx, binary: string, host: string): Promise<ComputeServiceRow> {
  const at = now(tx);
  return await tx
    .insertInto("compute_services")
    .values({
      id: newId(tx),
      host,
      binary,
      is_disabled: 0,
      disabled_reason: null,
      is_forced_down: 0,
      deaf_since: null,
      last_seen: at,
      version: serviceVersion,
      created_at: at,
      updated_at: at,
    })
    .onConflict((conflict) =>
      conflict.columns(["host", "binary"]).doUpdateSet({ last_seen: at, updated_at: at }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

export interface SeenHost {
  readonly host: string;
  /** It reports, and takes no work. */
  readonly isDeaf: boolean;
}

/** Notes that the hosts live; answers those it does not know, and whether any went deaf or hears again. */
export async function seeHosts(
  tx: Tx,
  seen: readonly SeenHost[],
): Promise<{ readonly unknown: string[]; readonly changed: boolean }> {
  const rows = await tx
    .selectFrom("compute_services")
    .select("host")
    .where("binary", "=", computeBinary)
    .where("deaf_since", "is not", null)
    .execute();
  const wasDeaf = new Set(rows.map(({ host }) => host));
  const hearing = seen.filter(({ isDeaf }) => !isDeaf).map(({ host }) => host);
  const still = seen.filter(({ isDeaf, host }) => isDeaf && wasDeaf.has(host)).map(({ host }) => host);
  const fresh = seen.filter(({ isDeaf, host }) => isDeaf && !wasDeaf.has(host)).map(({ host }) => host);
  const known = [
    ...(await see(tx, hearing, { deaf_since: null })),
    ...(await see(tx, still, {})),
    ...(await see(tx, fresh, { deaf_since: now(tx) })),
  ];
  const names = new Set(known);
  return {
    unknown: seen.map(({ host }) => host).filter((host) => !names.has(host)),
    changed: fresh.length > 0 || hearing.some((host) => wasDeaf.has(host)),
  };
}

async function see(
  tx: Tx,
  hosts: readonly string[],
  change: { readonly deaf_since?: Millis | null },
): Promise<readonly string[]> {
  if (hosts.length === 0) return [];
  const seen = await tx
    .updateTable("compute_services")
    .set({ ...change, last_seen: now(tx), updated_at: now(tx) })
    .where("binary", "=", computeBinary)
    .where("host", "in", hosts)
    .returning("host")
    .execute();
  return seen.map(({ host }) => host);
}

/** Whether a service counts as up: it reported lately, takes work, and nobody forced it down. */
export function isUp(
  service: Pick<ComputeServiceRow, "last_seen" | "is_forced_down" | "deaf_since">,
  at: Millis,
  config: Pick<ComputeConfig, "service_down_seconds">,
): boolean {
  const isRecent = service.last_seen !== null && at - service.last_seen < config.service_down_seconds * 1000;
  return isRecent && service.is_forced_down === 0 && service.deaf_since === null;
}

/** What `host_status` of a server says, for each of the hosts. */
export async function hostStatuses(
  tx: Tx,
  hosts: readonly string[],
  config: ComputeConfig,
): Promise<ReadonlyMap<string, string>> {
  if (hosts.length === 0) return new Map();
  const services = await tx
    .selectFrom("compute_services")
    .selectAll()
    .where("binary", "=", computeBinary)
    .where("host", "in", hosts)
    .execute();
  const at = now(tx);
  return new Map(
    services.map((service) => {
      if (service.is_disabled === 1) return [service.host, "MAINTENANCE"];
      return [service.host, isUp(service, at, config) ? "UP" : "DOWN"];
    }),
  );
}
