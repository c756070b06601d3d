// How hypervisors look: in a list, in full, and all of them summed.
import { always, betweenField, sinceField, untilField, type View } from "@micronova/http";
import type { Hypervisor } from "../../hypervisors.ts";
import { numberOf } from "../../numeric-ids.ts";
import { instanceName } from "./servers.ts";

export interface ShownHypervisor extends Hypervisor {
  /** Whether the servers were asked for. */
  readonly hasServers: boolean;
}

export const hypervisorBriefView: View<ShownHypervisor> = {
  id: [untilField("2.52", ({ node }) => numberOf(node.id)), sinceField("2.53", ({ node }) => node.id)],
  hypervisor_hostname: always(({ node }) => node.hypervisor_hostname),
  state: always(({ placed }) => (placed.isUp ? "up" : "down")),
  status: always(({ placed }) => (placed.service.is_disabled === 1 ? "disabled" : "enabled")),
  servers: [
    untilField("2.74", serversOf),
    // From 2.75 on an empty list is shown as one.
    sinceField("2.75", (from) => (from.hasServers ? (serversOf(from) ?? []) : undefined)),
  ],
};

export const hypervisorView: View<ShownHypervisor> = {
  ...hypervisorBriefView,
  hypervisor_type: always(({ node }) => node.hypervisor_type),
  hypervisor_version: always(({ node }) => node.hypervisor_version),
  host_ip: always(({ node }) => node.host_ip),
  service: [
    untilField("2.52", ({ placed }) => serviceRef(placed, numberOf(placed.service.id))),
    sinceField("2.53", ({ placed }) => serviceRef(placed, placed.service.id)),
  ],
  uptime: sinceField("2.88", () => null),
  cpu_info: [
    untilField("2.27", ({ node }) => node.cpu_info),
    betweenField("2.28", "2.87", ({ node }) => JSON.parse(node.cpu_info)),
  ],
  current_workload: untilField("2.87", ({ workload }) => workload),
  disk_available_least: untilField("2.87", ({ node, diskUsedGb }) => node.local_gb - diskUsedGb),
  free_disk_gb: untilField("2.87", ({ node, diskUsedGb }) => node.local_gb - diskUsedGb),
  free_ram_mb: untilField("2.87", ({ node, memoryUsedMb }) => node.memory_mb - memoryUsedMb),
  local_gb: untilField("2.87", ({ node }) => node.local_gb),
  local_gb_used: untilField("2.87", ({ diskUsedGb }) => diskUsedGb),
  memory_mb: untilField("2.87", ({ node }) => node.memory_mb),
  memory_mb_used: untilField("2.87", ({ memoryUsedMb }) => memoryUsedMb),
  running_vms: untilField("2.87", ({ serverCount }) => serverCount),
  vcpus: untilField("2.87", ({ node }) => node.vcpus),
  vcpus_used: untilField("2.87", ({ vcpusUsed }) => vcpusUsed),
};

/** Sums over hosts that take servers. */
export function statisticsView(all: readonly Hypervisor[]) {
  const sum = (of: (hypervisor: Hypervisor) => number) => all.reduce((total, one) => total + of(one), 0);
  const disk = sum(({ node }) => node.local_gb);
  const diskUsed = sum(({ diskUsedGb }) => diskUsedGb);
  const memory = sum(({ node }) => node.memory_mb);
  const memoryUsed = sum(({ memoryUsedMb }) => memoryUsedMb);
  return {
    count: all.length,
    current_workload: sum(({ workload }) => workload),
    disk_available_least: disk - diskUsed,
    free_disk_gb: disk - diskUsed,
    free_ram_mb: memory - memoryUsed,
    local_gb: disk,
    local_gb_used: diskUsed,
    memory_mb: memory,
    memory_mb_used: memoryUsed,
    running_vms: sum(({ serverCount }) => serverCount),
    vcpus: sum(({ node }) => node.vcpus),
    vcpus_used: sum(({ vcpusUsed }) => vcpusUsed),
  };
}

function serviceRef({ service }: ShownHypervisor["placed"], id: string | number) {
  return { id, host: service.host, disabled_reason: service.disabled_reason };
}

function serversOf({ hasServers, servers }: ShownHypervisor) {
  if (!hasServers || servers.length === 0) return undefined;
  return servers.map((server) => ({ name: instanceName(server), uuid: server.id }));
}
