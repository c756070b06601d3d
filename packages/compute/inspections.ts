// What the hosts really run, held against the tables.
import { isFault } from "@micronova/kit";
import type { Inspected, Inspection, InspectionDeps } from "@micronova/saga";
import { now, type Tx, type Violation } from "@micronova/store";
import { serverAttachments } from "@micronova/volume";
import { computeDefaults } from "./config.ts";
import type { DomainInfo, KeptCopy } from "./drivers/driver.ts";
import { computeBinary, isUp } from "./hosts.ts";
import { movingTo } from "./server-migrations.ts";
import { guestlessStates } from "./states.ts";
import { computeWorkerContract } from "./worker/contract.ts";

interface Found {
  readonly guests: readonly DomainInfo[];
  readonly copies: readonly KeptCopy[];
}
type Compare = (read: Tx, host: string, found: Found) => Promise<readonly Violation[]>;

export const computeInspections: readonly Inspection[] = [
  { name: "every server's guest is on its host", inspect: (deps) => eachHost(deps, missing) },
  { name: "a host runs no guests but its own", inspect: (deps) => eachHost(deps, strangers) },
  { name: "a host keeps no copies but those of moves", inspect: (deps) => eachHost(deps, leftCopies) },
  { name: "a guest has the volumes of its server", inspect: (deps) => eachHost(deps, otherVolumes) },
];

// Hosts asked at a time: enough to be quick, few enough not to drown the bus.
const atOnce = 32;

async function eachHost({ store, rpc, request }: InspectionDeps, compare: Compare): Promise<Inspected> {
  const services = await store.read
    .selectFrom("compute_services")
    .selectAll()
    .where("binary", "=", computeBinary)
    .orderBy("host")
    .execute();
  const living = services.filter((service) => isUp(service, now(store.read), computeDefaults));
  const hosts = living.map(({ host }) => host);
  const violations: Violation[] = [];
  const unanswered: { host: string; why: string }[] = [];
  const lane = async () => {
    for (let host = hosts.shift(); host !== undefined; host = hosts.shift()) {
      try {
        const worker = rpc.on(computeWorkerContract, host, { context: request });
        const { guests, copies = [] } = await worker.list({ serverIds: null });
        violations.push(...(await compare(store.read, host, { guests, copies })));
      } catch (error) {
        if (!isFault(error)) throw error;
        unanswered.push({ host: `compute.${host}`, why: error.message });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { violations, unanswered };
}

async function missing(read: Tx, host: string, { guests }: Found): Promise<readonly Violation[]> {
  const rows = await read
    .selectFrom("servers")
    .select(["id", "vm_state"])
    .where("host", "=", host)
    .where("deleted_at", "is", null)
    .where("launched_at", "is not", null)
    .where("vm_state", "not in", guestlessStates)
    .execute();
  const there = new Set(guests.map(({ serverId }) => serverId));
  return rows
    .filter(({ id }) => !there.has(id))
    .map(({ id, vm_state }) => ({
      text: `Server ${id} is ${vm_state}, and ${host} has no guest of it.`,
      about: { kind: "server", id },
    }));
}

async function strangers(read: Tx, host: string, { guests }: Found): Promise<readonly Violation[]> {
  if (guests.length === 0) return [];
  const ids = guests.map(({ serverId }) => serverId);
  const rows = await read
    .selectFrom("servers")
    .select(["id", "host", "deleted_at"])
    .where("id", "in", ids)
    .execute();
  const known = new Map(rows.map((row) => [row.id, row]));
  const moving = new Set(await movingTo(read, host));
  return ids.flatMap((id) => {
    const row = known.get(id);
    const about = { kind: "server", id, host };
    if (row === undefined)
      return [{ text: `${host} runs a guest of server ${id}, which no table knows.`, about }];
    if (row.deleted_at !== null)
      return [{ text: `${host} runs a guest of server ${id}, which is deleted.`, about }];
    if (row.host === host || moving.has(id)) return [];
    return [{ text: `${host} runs a guest of server ${id}, whose host is ${row.host ?? "none"}.`, about }];
  });
}

/** What was put aside, or arrived, for a move that is over. */
async function leftCopies(read: Tx, host: string, { copies }: Found): Promise<readonly Violation[]> {
  const moving = new Set(await movingTo(read, host));
  return copies
    .filter(({ serverId }) => !moving.has(serverId))
    .map(({ serverId: id, copy }) => ({
      text: `${host} keeps ${copy === null ? "disks" : "a copy"} of server ${id}, which does not move.`,
      about: { kind: "server", id, host },
    }));
}

async function otherVolumes(read: Tx, host: string, { guests }: Found): Promise<readonly Violation[]> {
  const attachments = Map.groupBy(await serverAttachments(read), ({ server_id }) => server_id ?? "");
  return guests.flatMap(({ serverId, volumes }) => {
    const own = attachments.get(serverId) ?? [];
    const about = { kind: "server", id: serverId, host };
    // One that is on its way may be there or not.
    const less = own
      .filter(({ attach_status, volume_id }) => attach_status === "attached" && !volumes.includes(volume_id))
      .map(({ volume_id: id }) => ({
        text: `Volume ${id} is attached to server ${serverId}, whose guest does not have it.`,
        about,
      }));
    const more = volumes
      .filter((id) => !own.some(({ volume_id }) => volume_id === id))
      .map((id) => ({
        text: `The guest of server ${serverId} has volume ${id}, which is not attached to it.`,
        about,
      }));
    return [...less, ...more];
  });
}
