// What must hold of servers. The quiet ones hold where nothing is under way: a task has a saga, or is over.
import { isoSeconds } from "@micronova/kit";
import { boundServerPorts } from "@micronova/network";
import { allocationsOn, usages } from "@micronova/placement";
import { type Invariant, now, type Tx, type Violation } from "@micronova/store";
import { serverAttachments } from "@micronova/volume";
import { computeDefaults } from "./config.ts";
import { flavorOf } from "./server-show.ts";
import { buildingState, errorState } from "./states.ts";

const noTask: Invariant = {
  name: "no server has a task",
  async find(tx) {
    const rows = await tx
      .selectFrom("servers")
      .select(["id", "vm_state", "task_state"])
      .where("deleted_at", "is", null)
      .where((is) => is.or([is("task_state", "is not", null), is("vm_state", "=", buildingState)]))
      .execute();
    return rows.map(({ id, vm_state, task_state }) =>
      wrong(id, `Server ${id} is ${vm_state}${task_state === null ? "" : `, ${task_state}`}.`),
    );
  },
};

type Held = { readonly vcpus: number; readonly memoryMb: number };

const allocationsMatch: Invariant = {
  name: "allocations are exactly those of servers on hosts",
  async find(tx) {
    const rows = await tx
      .selectFrom("servers")
      .select(["id", "node_id", "flavor"])
      .where("deleted_at", "is", null)
      .where("node_id", "is not", null)
      .execute();
    const onNode = Map.groupBy(rows, ({ node_id }) => node_id ?? "");
    const nodes = await tx.selectFrom("compute_nodes").select(["id", "host"]).execute();
    const ids = nodes.map(({ id }) => id);
    const used = await usages(tx, ids);
    const found: Violation[] = [];
    for (const { id, host } of nodes) {
      const servers = (onNode.get(id) ?? []).map((row) => [row.id, heldBy(row)] as const);
      const { VCPU, MEMORY_MB } = used.get(id) ?? {};
      const sum = { vcpus: VCPU?.used ?? 0, memoryMb: MEMORY_MB?.used ?? 0 };
      // Sums are one query for all hosts; who is to blame is asked only where they differ.
      if (isSame(sum, total(servers.map(([, held]) => held)))) continue;
      found.push(...(await differences(tx, { nodeId: id, host }, new Map(servers))));
    }
    return found;
  },
};

async function differences(
  tx: Tx,
  node: { readonly nodeId: string; readonly host: string },
  servers: ReadonlyMap<string, Held>,
): Promise<Violation[]> {
  const holders = await allocationsOn(tx, node.nodeId);
  const nothing = { vcpus: 0, memoryMb: 0 };
  const strangers = Object.keys(holders).filter((id) => !servers.has(id));
  const elsewhere = await tx
    .selectFrom("servers")
    .select("id")
    .where("id", "in", [...strangers, ""])
    .execute();
  // What else holds something of the host, such as a reservation of an operator's, is not a server's matter.
  return [...servers.keys(), ...elsewhere.map(({ id }) => id)].flatMap((id) => {
    const { VCPU = 0, MEMORY_MB = 0 } = holders[id]?.resources ?? {};
    const wanted = servers.get(id) ?? nothing;
    if (isSame({ vcpus: VCPU, memoryMb: MEMORY_MB }, wanted)) return [];
    const holds = `${VCPU} VCPU and ${MEMORY_MB} MB`;
    const has = `${wanted.vcpus} and ${wanted.memoryMb}`;
    return [wrong(id, `Server ${id} holds ${holds} of ${node.host} and should hold ${has}.`)];
  });
}

function heldBy({ flavor }: { readonly flavor: string }): Held {
  const { vcpus, ram } = flavorOf(flavor);
  return { vcpus, memoryMb: ram };
}

function total(all: readonly Held[]): Held {
  return {
    vcpus: all.reduce((sum, { vcpus }) => sum + vcpus, 0),
    memoryMb: all.reduce((sum, { memoryMb }) => sum + memoryMb, 0),
  };
}

function isSame(one: Held, other: Held): boolean {
  return one.vcpus === other.vcpus && one.memoryMb === other.memoryMb;
}

const ownedRows: Invariant = {
  name: "cards and disks belong to living servers",
  async find(tx) {
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
    const text = (what: string, id: string) => `${what} belongs to server ${id}, which is gone.`;
    return [
      ...cards.filter(isGone).map(({ port_id, server_id: id }) => wrong(id, text(`Port ${port_id}`, id))),
      ...disks
        .filter(isGone)
        .map(({ volume_id, server_id: id }) => wrong(id, text(`Volume ${volume_id}`, id))),
    ];
  },
};

const ownedPorts: Invariant = {
  name: "a server's port on a host is a card of that server",
  async find(tx) {
    const ports = await boundServerPorts(tx);
    const cards = await tx.selectFrom("server_interfaces").select(["port_id", "server_id"]).execute();
    const owners = new Map(cards.map(({ port_id, server_id }) => [port_id, server_id]));
    return ports
      .filter(({ id, device_id }) => owners.get(id) !== device_id)
      .map(({ id, device_id }) => ({
        text: `Port ${id} is bound for server ${device_id}, which has no such card.`,
        about: { kind: "port", id },
      }));
  },
};

const attachmentsAreDisks: Invariant = {
  name: "a volume's attachment to a server is a disk of that server",
  async find(tx) {
    const attachments = await serverAttachments(tx);
    const disks = await tx
      .selectFrom("block_device_mappings")
      .select(["attachment_id", "server_id", "volume_id"])
      .execute();
    const isDisk = new Set(disks.map(({ attachment_id }) => attachment_id));
    const isAttached = new Set(attachments.map(({ id }) => id));
    return [
      ...attachments
        .filter(({ id }) => !isDisk.has(id))
        .map((one) =>
          wrong(
            one.server_id ?? "",
            `Volume ${one.volume_id} is attached to server ${one.server_id}, which has no such disk.`,
          ),
        ),
      ...disks
        .filter(({ attachment_id }) => !isAttached.has(attachment_id))
        .map((one) =>
          wrong(
            one.server_id,
            `Server ${one.server_id} has the disk ${one.volume_id} without its attachment.`,
          ),
        ),
    ];
  },
};

const errorsSayWhy: Invariant = {
  name: "a server in error says why, and what to do",
  async find(tx) {
    const rows = await tx
      .selectFrom("servers")
      .select("id")
      .where("vm_state", "=", errorState)
      .where("deleted_at", "is", null)
      .where((is) => is.or([is("fault", "is", null), is("fault", "not like", "%, request req-%")]))
      .execute();
    return rows.map(({ id }) => wrong(id, `Server ${id} is in error and does not say why and what to do.`));
  },
};

const allHear: Invariant = {
  name: "every worker that reports takes work",
  async find(tx) {
    const rows = await tx
      .selectFrom("compute_services")
      .select(["host", "binary", "deaf_since"])
      .where("deaf_since", "is not", null)
      // One that is silent as well is down, which is said elsewhere.
      .where("last_seen", ">", now(tx) - computeDefaults.service_down_seconds * 1000)
      .execute();
    return rows.map(({ host, binary, deaf_since }) => ({
      text: `${binary} on ${host} is deaf since ${isoSeconds(deaf_since!)}: it reports, and takes no work; restart it.`,
      about: { kind: "service", id: `${binary}.${host}` },
    }));
  },
};

export const computeInvariants: readonly Invariant[] = [
  errorsSayWhy,
  allHear,
  noTask,
  allocationsMatch,
  ownedRows,
  ownedPorts,
  attachmentsAreDisks,
];

function wrong(id: string, text: string): Violation {
  return { text, about: { kind: "server", id } };
}
