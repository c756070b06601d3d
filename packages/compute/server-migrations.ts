// The moves of servers as rows: made when one is asked for, changed by its saga, read by the API. What of the
// server itself changes with the move stands here too, so that both say the same.
import type { RequestContext, Uuid } from "@micronova/kit";
import { ports } from "@micronova/network";
import { transfer, unclaim } from "@micronova/placement";
import { newId, now, type Tx } from "@micronova/store";
import { carryAttachments } from "@micronova/volume";
import { errors } from "./errors.ts";
import { interfacesOf } from "./interfaces.ts";
import { holdingStatuses, isUnderWay, liveType, type MigrationStatus } from "./migration-states.ts";
import type { Place, ServerChange } from "./server-state.ts";
import type { FlavorCopy, Server } from "./tables.ts";
import type { Migration } from "./tables-migrations.ts";

/** What placement calls consumers that are moves. */
const migrationConsumer = "MIGRATION";
const serverConsumer = "INSTANCE";

export async function addMigration(
  tx: Tx,
  context: RequestContext,
  move: {
    readonly server: Server;
    readonly type: "migration" | "resize";
    readonly source: Place;
    readonly newFlavor: FlavorCopy;
    readonly wasRunning: boolean;
  },
): Promise<Migration> {
  const { server, type, source, newFlavor, wasRunning } = move;
  const { last } = await tx
    .selectFrom("server_migrations")
    .select((row) => row.fn.max("number").as("last"))
    .executeTakeFirstOrThrow();
  return tx
    .insertInto("server_migrations")
    .values({
      id: newId(tx),
      number: (last ?? 0) + 1,
      server_id: server.id,
      project_id: context.projectId ?? "",
      user_id: context.userId ?? "",
      migration_type: type,
      status: "pre-migrating" satisfies MigrationStatus,
      source: JSON.stringify(source),
      source_compute: source.host,
      dest: null,
      dest_compute: null,
      dest_host: null,
      old_flavor: server.flavor,
      new_flavor: JSON.stringify(newFlavor),
      was_running: wasRunning ? 1 : 0,
      progress: null,
      created_at: now(tx),
      updated_at: now(tx),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Says where the move is. False when it is elsewhere by now. */
export async function setStatus(
  tx: Tx,
  id: Uuid,
  { from, to }: { readonly from: readonly MigrationStatus[]; readonly to: MigrationStatus },
  change: Partial<Migration> = {},
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("server_migrations")
    .set({ ...change, status: to, updated_at: now(tx) })
    .where("id", "=", id)
    .where("status", "in", from)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** The resize that waits to be confirmed or reverted. */
export async function finishedMigration(tx: Tx, serverId: Uuid): Promise<Migration> {
  const found = await tx
    .selectFrom("server_migrations")
    .selectAll()
    .where("server_id", "=", serverId)
    .where("status", "=", "finished" satisfies MigrationStatus)
    .executeTakeFirst();
  if (found === undefined) throw errors.migrationMissing(serverId);
  return found;
}

/** Moves of the server that hold something of two hosts; more than one only after something went wrong. */
function holdingMigrations(tx: Tx, serverId: Uuid): Promise<Migration[]> {
  return tx
    .selectFrom("server_migrations")
    .selectAll()
    .where("server_id", "=", serverId)
    .where("status", "in", holdingStatuses)
    .execute();
}

/** The hosts that have something of a server on the move, besides its own. */
export async function movingHosts(tx: Tx, serverId: Uuid): Promise<string[]> {
  const moves = await holdingMigrations(tx, serverId);
  const hosts = moves.flatMap((move) => [move.source_compute, move.dest_compute]);
  return [...new Set(hosts.filter((host) => host !== null))];
}

/** The server is gone: nothing waits for it any more, and nothing is held for it. */
export async function endMigrations(tx: Tx, serverId: Uuid): Promise<void> {
  for (const { id } of await holdingMigrations(tx, serverId)) {
    await unclaim(tx, id);
    await setStatus(tx, id, { from: ["finished"], to: "confirmed" });
    await tx
      .updateTable("server_migrations")
      .set({ status: "error" satisfies MigrationStatus, updated_at: now(tx) })
      .where("id", "=", id)
      .where("status", "in", holdingStatuses)
      .execute();
  }
}

export const sourceOf = ({ source }: Migration): Place => JSON.parse(source) as Place;
export function destOf({ dest }: Migration): Place {
  if (dest === null) throw new Error("a move without a destination has ended");
  // Written by this package, as a Place.
  return JSON.parse(dest) as Place;
}

/** What the server is charged for while two flavors count: the larger of each. */
export function charge(...flavors: readonly FlavorCopy[]): Pick<Server, "vcpus" | "memory_mb"> {
  return {
    vcpus: Math.max(...flavors.map(({ vcpus }) => vcpus)),
    memory_mb: Math.max(...flavors.map(({ ram }) => ram)),
  };
}

/** The columns of a server that is at this place, of this flavor. */
export function settled(place: Place, flavor: FlavorCopy): ServerChange {
  return {
    host: place.host,
    node_id: place.nodeId,
    node: place.node,
    availability_zone: place.availabilityZone,
    flavor: JSON.stringify(flavor),
    flavor_id: flavor.flavorid,
  };
}

/** The server's ports and volumes are this host's from now on. */
export async function carryBelongings(tx: Tx, serverId: Uuid, host: string): Promise<void> {
  const server = await tx
    .selectFrom("servers")
    .select("hostname")
    .where("id", "=", serverId)
    .executeTakeFirstOrThrow();
  for (const { port_id } of await interfacesOf(tx, serverId))
    await ports.bind(tx, port_id, { server_id: serverId, server_name: server.hostname, host });
  await carryAttachments(tx, serverId, host);
}

/** What the server holds becomes the move's, and the other way round. */
export const holdFor = (tx: Tx, serverId: Uuid, consumer: Uuid) =>
  transfer(tx, { from: serverId, to: consumer, consumerType: migrationConsumer });
export const giveBackTo = (tx: Tx, serverId: Uuid, consumer: Uuid) =>
  transfer(tx, { from: consumer, to: serverId, consumerType: serverConsumer });

/** Servers that have something on the host besides those whose host it is. */
export async function movingTo(tx: Tx, host: string): Promise<Uuid[]> {
  const rows = await tx
    .selectFrom("server_migrations")
    .select("server_id")
    .where("status", "in", holdingStatuses)
    .where((is) => is.or([is("source_compute", "=", host), is("dest_compute", "=", host)]))
    .execute();
  return rows.map(({ server_id }) => server_id);
}

export interface MigrationFilter {
  /** Either end. */
  readonly host: string | null;
  readonly server_id: string | null;
  readonly source_compute: string | null;
  readonly status: string | null;
  readonly migration_type: string | null;
  readonly user_id: string | null;
  readonly project_id: string | null;
  readonly changedSince: number;
  readonly changedBefore: number;
}

/** The newest first. */
export function listMigrations(tx: Tx, filter: MigrationFilter): Promise<Migration[]> {
  const { host, changedSince, changedBefore, ...columns } = filter;
  let query = tx
    .selectFrom("server_migrations")
    .selectAll()
    .where("updated_at", ">=", changedSince)
    .where("updated_at", "<=", changedBefore)
    .orderBy("created_at", "desc")
    .orderBy("number", "desc");
  for (const [column, value] of Object.entries(columns)) {
    // What is left of the filter are names of columns.
    if (value !== null) query = query.where(column as keyof typeof columns, "=", value);
  }
  if (host !== null)
    query = query.where((is) => is.or([is("source_compute", "=", host), is("dest_compute", "=", host)]));
  return query.execute();
}

/** Moves of a server that runs meanwhile, as long as they are under way. */
export async function serverMigrations(tx: Tx, serverId: Uuid): Promise<Migration[]> {
  const all = await tx
    .selectFrom("server_migrations")
    .selectAll()
    .where("server_id", "=", serverId)
    .where("migration_type", "=", liveType)
    .orderBy("number")
    .execute();
  return all.filter(isUnderWay);
}

/** How much is copied of a server that moves. */
export interface MoveProgress {
  readonly memory: { readonly totalBytes: number; readonly doneBytes: number };
  readonly disk: { readonly totalBytes: number; readonly doneBytes: number };
}

export function progressOf({ progress }: Migration): MoveProgress | null {
  // Written by this package, as a MoveProgress.
  return progress === null ? null : (JSON.parse(progress) as MoveProgress);
}
