// What must hold of servers when the world is quiet. Each answers the violations, in words.
import { usages } from "@micronova/placement";
import type { Tx } from "@micronova/store";

export interface Invariant {
  readonly name: string;
  find(tx: Tx): Promise<string[]>;
}

const noTask: Invariant = {
  name: "no server has a task",
  async find(tx) {
    const rows = await tx
      .selectFrom("servers")
      .select(["id", "task_state"])
      .where("task_state", "is not", null)
      .where("deleted_at", "is", null)
      .execute();
    return rows.map(({ id, task_state }) => `server ${id} is still ${task_state}`);
  },
};

const allocationsMatch: Invariant = {
  name: "allocations are exactly those of servers on hosts",
  async find(tx) {
    const rows = await tx
      .selectFrom("servers")
      .select(["node_id", "vcpus", "memory_mb"])
      .where("deleted_at", "is", null)
      .where("node_id", "is not", null)
      .execute();
    const wanted = new Map<string, { vcpus: number; memory: number }>();
    for (const { node_id, vcpus, memory_mb } of rows) {
      const sum = wanted.get(node_id ?? "") ?? { vcpus: 0, memory: 0 };
      wanted.set(node_id ?? "", { vcpus: sum.vcpus + vcpus, memory: sum.memory + memory_mb });
    }
    const nodes = await tx.selectFrom("compute_nodes").select("id").execute();
    const used = await usages(
      tx,
      nodes.map(({ id }) => id),
    );
    return nodes.flatMap(({ id }) => {
      const sum = wanted.get(id) ?? { vcpus: 0, memory: 0 };
      const { VCPU, MEMORY_MB } = used.get(id) ?? {};
      const isEqual = (VCPU?.used ?? 0) === sum.vcpus && (MEMORY_MB?.used ?? 0) === sum.memory;
      if (isEqual) return [];
      return [
        `node ${id} has ${VCPU?.used ?? 0} VCPU and ${MEMORY_MB?.used ?? 0} MB allocated, its servers have ` +
          `${sum.vcpus} and ${sum.memory}`,
      ];
    });
  },
};

const ownedRows: Invariant = {
  name: "cards and disks belong to living servers",
  async find(tx) {
    const living = (id: string) => `of server ${id}, which is gone`;
    const cards = await tx
      .selectFrom("server_interfaces as card")
      .leftJoin("servers as server", "server.id", "card.server_id")
      .select(["card.port_id", "card.server_id", "server.deleted_at", "server.id"])
      .execute();
    const disks = await tx
      .selectFrom("block_device_mappings as disk")
      .leftJoin("servers as server", "server.id", "disk.server_id")
      .select(["disk.volume_id", "disk.server_id", "server.deleted_at", "server.id"])
      .execute();
    const isGone = (row: { id: string | null; deleted_at: number | null }) =>
      row.id === null || row.deleted_at !== null;
    return [
      ...cards.filter(isGone).map((row) => `port ${row.port_id} ${living(row.server_id)}`),
      ...disks.filter(isGone).map((row) => `volume ${row.volume_id} ${living(row.server_id)}`),
    ];
  },
};

export const computeInvariants: readonly Invariant[] = [noTask, allocationsMatch, ownedRows];
