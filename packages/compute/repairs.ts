// How what is wrong with servers is mended.
import { audit, type Repair, type Repairs } from "@micronova/saga";
import type { Tx } from "@micronova/store";
import { belongsThere, guestDestroy } from "./sagas/guest-destroy.ts";
import { portFree } from "./sagas/port-free.ts";
import { serverDelete } from "./sagas/server-delete.ts";
import { serverReclaim } from "./sagas/server-reclaim.ts";
import { serverSettle } from "./sagas/server-settle.ts";
import { volumesSettle } from "./sagas/volumes-settle.ts";
import { serverSubject } from "./servers.ts";
import { isGoing } from "./states.ts";

const settle: Repair = {
  what: "Asks the host for the guest and sets the server free in the state it is in; a deletion begins again.",
  isAutomatic: true,
  async start(tx, { sagas, request }, { about: { id } }) {
    const server = await find(tx, id);
    if (server === undefined || server.deleted_at !== null) return null;
    const options = { subject: serverSubject(id), request };
    return sagas.start(
      tx,
      isGoing(server.task_state) ? serverDelete : serverSettle,
      { serverId: id },
      options,
    );
  },
};

const deleteAgain: Repair = {
  what: "Deletes again what is left of the deleted server: its guest, ports, disks and allocations.",
  isAutomatic: true,
  async start(tx, { sagas, request }, { about, text }) {
    const server = await find(tx, about.id);
    if (server !== undefined && server.deleted_at === null) return null;
    await audit(tx, request, { action: "server-delete", about, reason: text });
    return sagas.start(
      tx,
      serverDelete,
      { serverId: about.id },
      { subject: serverSubject(about.id), request },
    );
  },
};

/** For guests that hosts run and should not. */
export const evict: Repair = {
  what: "Ends the guest, if the tables prove that its server is deleted or lives on another host.",
  isAutomatic: true,
  async start(tx, { sagas, request }, { about, text }) {
    const { id, host } = about;
    const server = await find(tx, id);
    // A guest that no table knows is nobody's proof: it is left alone.
    if (host === undefined || server === undefined) return null;
    if (await belongsThere(tx, id, host)) return null;
    await audit(tx, request, { action: "guest-destroy", about, reason: text });
    return sagas.start(tx, guestDestroy, { serverId: id, host }, { subject: serverSubject(id), request });
  },
};

const reclaim: Repair = {
  what: "Makes the server's allocations exactly what its flavor says, or none when it is on no host.",
  isAutomatic: true,
  async start(tx, { sagas, request }, { about: { id } }) {
    // What others than servers hold is theirs to give back, through placement's own API.
    if ((await find(tx, id)) === undefined) return null;
    return sagas.start(tx, serverReclaim, { serverId: id }, { subject: serverSubject(id), request });
  },
};

const settleVolumes: Repair = {
  what: "Gives the guest the volumes that the tables attach to it, and lets go of the others.",
  isAutomatic: false,
  start: (tx, { sagas, request }, { about: { id } }) =>
    sagas.start(tx, volumesSettle, { serverId: id }, { subject: serverSubject(id), request }),
};

const freePort: Repair = {
  what: "Unbinds the port, which stays.",
  isAutomatic: true,
  start: (tx, { sagas, request }, { about: { id } }) =>
    sagas.start(tx, portFree, { portId: id }, { subject: { kind: "port", id }, request }),
};

export const computeRepairs: Repairs = {
  "no server has a task": settle,
  // A host whose disks are not mounted yet has no guests either: a person should look first.
  "every server's guest is on its host": { ...settle, isAutomatic: false },
  "allocations are exactly those of servers on hosts": reclaim,
  "every consumer holds something": reclaim,
  "cards and disks belong to living servers": deleteAgain,
  "a server's port on a host is a card of that server": freePort,
  "a volume's attachment to a server is a disk of that server": settleVolumes,
  "no volume is on its way to a server, or back": { ...settleVolumes, isAutomatic: true },
  "a guest has the volumes of its server": { ...settleVolumes, isAutomatic: true },
  "a host runs no guests but its own": evict,
  "a host keeps no copies but those of moves": evict,
};

function find(tx: Tx, id: string) {
  return tx
    .selectFrom("servers")
    .select(["host", "task_state", "deleted_at"])
    .where("id", "=", id)
    .executeTakeFirst();
}
