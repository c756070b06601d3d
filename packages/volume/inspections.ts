// What the volume hosts really have, held against the tables.
import { isFault, type Uuid } from "@micronova/kit";
import { type Inspected, type Inspection, sagasOf } from "@micronova/saga";
import { now, type Tx, type Violation } from "@micronova/store";
import type { VolumeInfo } from "./drivers/driver.ts";
import { isUp, volumeServices } from "./pools.ts";
import { volumeWorkerContract } from "./worker/contract.ts";

export const volumeInspections: readonly Inspection[] = [
  {
    name: "every volume's bytes are on its host",
    inspect: (deps) => eachHost(deps, (host, found) => missing(deps.store.read, host, found)),
  },
  {
    name: "a host has no bytes of volumes that are gone",
    inspect: (deps) => eachHost(deps, (host, found) => orphans(deps.store.read, host, found)),
  },
];

/** Asks every host that should live. */
async function eachHost(
  { store, rpc, request }: Parameters<Inspection["inspect"]>[0],
  compare: (host: string, found: readonly VolumeInfo[]) => Promise<readonly Violation[]>,
): Promise<Inspected> {
  const violations: Violation[] = [];
  const unanswered: { host: string; why: string }[] = [];
  const services = await volumeServices(store.read);
  for (const service of services.filter((one) => isUp(one, now(store.read)))) {
    try {
      const { volumes } = await rpc.on(volumeWorkerContract, service.host, { context: request }).list({});
      violations.push(...(await compare(service.host, volumes)));
    } catch (error) {
      if (!isFault(error)) throw error;
      unanswered.push({ host: `volume.${service.host}`, why: error.message });
    }
  }
  return { violations, unanswered };
}

/** Statuses in which a volume may have no bytes, or not yet the right ones. */
const unmade: ReadonlySet<string> = new Set(["creating", "deleting", "error", "error_deleting"]);

async function missing(read: Tx, host: string, found: readonly VolumeInfo[]): Promise<readonly Violation[]> {
  const rows = await read
    .selectFrom("volumes")
    .select(["id", "status", "size"])
    .where("host", "=", host)
    .execute();
  const sizes = new Map(found.map(({ volumeId, sizeGb }) => [volumeId, sizeGb]));
  return rows
    .filter(({ id, status, size }) => !unmade.has(status) && (sizes.get(id) ?? 0) < size)
    .map(({ id, status, size }) => {
      const has = sizes.has(id) ? `only ${sizes.get(id)} GB of it` : "none of its bytes";
      const text = `Volume ${id} is ${status} with ${size} GB, and ${host} has ${has}; restore it from a backup.`;
      return { text, about: { kind: "volume", id } };
    });
}

async function orphans(read: Tx, host: string, found: readonly VolumeInfo[]): Promise<readonly Violation[]> {
  const rows = await read.selectFrom("volumes").select(["id", "host"]).execute();
  const homes = new Map(rows.map((row) => [row.id, row.host]));
  const strays = found.filter(({ volumeId }) => homes.get(volumeId) !== host);
  return strays.map(({ volumeId, sizeGb }) => ({
    text: homes.has(volumeId)
      ? `${host} has ${sizeGb} GB of volume ${volumeId}, whose home is ${homes.get(volumeId) ?? "nowhere"}.`
      : `${host} has ${sizeGb} GB of volume ${volumeId}, which does not exist.`,
    about: { kind: "volume", id: volumeId, host },
  }));
}

/** Proof that the volume was made here: the log of a saga on it. */
export async function wasOurs(tx: Tx, volumeId: Uuid): Promise<boolean> {
  return (await sagasOf(tx, { kind: "volume", id: volumeId })).length > 0;
}
