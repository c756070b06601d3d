// Moving servers: what a resize or a migration means, held against what there is, and the sagas that do it.
import type { RequestContext, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import type { ComputeDeps } from "./deps.ts";
import { errors } from "./errors.ts";
import { flavorForBoot } from "./flavors.ts";
import { computeBinary, isUp } from "./hosts.ts";
import { checkResizeQuota } from "./quotas.ts";
import { serverMigrate } from "./sagas/server-migrate.ts";
import { serverResizeConfirm } from "./sagas/server-resize-confirm.ts";
import { serverResizeRevert } from "./sagas/server-resize-revert.ts";
import { addMigration, charge, destOf, finishedMigration, setStatus, sourceOf } from "./server-migrations.ts";
import { wantedFlavor } from "./server-resources.ts";
import { flavorOf } from "./server-show.ts";
import { begin, type Place } from "./server-state.ts";
import { blockDevicesOf } from "./server-volumes.ts";
import { serverSubject } from "./servers.ts";
import { actionWords, movedState, powerStates } from "./states.ts";
import type { FlavorCopy, Server } from "./tables.ts";

type Deps = Pick<ComputeDeps, "sagas" | "config">;

/** Moves the server while it is off; where to says the scheduler, or an administrator. */
export async function migrateServer(
  deps: Deps,
  tx: Tx,
  context: RequestContext,
  wanted: { readonly id: Uuid; readonly host: string | null },
): Promise<void> {
  const { id, host } = wanted;
  const server = await begin(tx, context, id, "migrate");
  if (host !== null) {
    if (!(await hostExists(tx, host))) throw errors.hostNotFound(host);
    if (host === server.host) throw errors.moveToSameHost(id);
  }
  await startMove(deps, tx, context, { server, newFlavor: flavorOf(server.flavor), host, type: "migration" });
}

/** Makes the server larger or smaller, on another host or, where that is allowed, on its own. */
export async function resizeServer(
  deps: Deps,
  tx: Tx,
  context: RequestContext,
  wanted: { readonly id: Uuid; readonly flavorRef: string; readonly autoDiskConfig: boolean | null },
): Promise<void> {
  const { id, flavorRef, autoDiskConfig } = wanted;
  const newFlavor = await flavorForBoot(tx, context, flavorRef);
  if (newFlavor === null) throw errors.flavorNotFound(flavorRef);
  const change = autoDiskConfig === null ? {} : { auto_disk_config: autoDiskConfig ? 1 : 0 };
  const server = await begin(tx, context, id, "resize", change);
  const oldFlavor = flavorOf(server.flavor);
  checkFlavors(oldFlavor, newFlavor, server.image_id !== null);
  await checkResizeQuota(tx, server.project_id, {
    cores: newFlavor.vcpus - oldFlavor.vcpus,
    ram: newFlavor.ram - oldFlavor.ram,
  });
  await startMove(deps, tx, context, { server, newFlavor, host: null, type: "resize" });
}

/** Guests find the end of a disk where it was, or further: none can be cut off. */
function checkFlavors(old: FlavorCopy, wanted: FlavorCopy, hasImage: boolean): void {
  if (old.flavorid === wanted.flavorid) throw errors.sameFlavor();
  if (hasImage && wanted.disk === 0 && old.disk !== 0) throw errors.zeroDiskResize();
  if (hasImage && wanted.disk < old.disk) throw errors.diskTooSmall("the root disk");
  if (wanted.ephemeral < old.ephemeral) throw errors.diskTooSmall("the ephemeral disk");
  if (wanted.swap < old.swap) throw errors.diskTooSmall("the swap disk");
}

async function startMove(
  { sagas, config }: Deps,
  tx: Tx,
  context: RequestContext,
  move: {
    readonly server: Server;
    readonly newFlavor: FlavorCopy;
    readonly host: string | null;
    readonly type: "migration" | "resize";
  },
): Promise<void> {
  const { server, newFlavor, host, type } = move;
  const { id } = server;
  const source = placeOf(server);
  await checkHostUp(tx, config, source.host);
  const oldFlavor = flavorOf(server.flavor);
  // Until it is decided which flavor stays, both count against the quota.
  await tx.updateTable("servers").set(charge(oldFlavor, newFlavor)).where("id", "=", id).execute();
  const wasRunning = movedState(server.power_state) === "active";
  const migration = await addMigration(tx, context, { server, type, source, newFlavor, wasRunning });
  const staysThere = type === "resize" && config.allow_resize_to_same_host;
  const hasImage = server.image_id !== null;
  const params = {
    serverId: id,
    migrationId: migration.id,
    userId: server.user_id,
    request: {
      serverId: id,
      projectId: server.project_id,
      flavor: wantedFlavor(newFlavor, hasImage),
      imageProperties: JSON.parse(server.image_properties) as Record<string, string>,
      availabilityZone: server.pinned_availability_zone,
      forceHost: null,
      requestedHost: host,
      hints: JSON.parse(server.scheduler_hints) as Record<string, unknown>,
      hypervisorType: await hypervisorOf(tx, source),
      ...(staysThere ? {} : { leavesHost: source.host }),
    },
    source,
    oldFlavor,
    newFlavor,
    hasImage,
    hasVolumes: (await blockDevicesOf(tx, id)).length > 0,
    wasRunning,
    dhcpDomain: config.dhcp_domain,
  };
  const action = actionWords[type === "resize" ? "resize" : "migrate"].log;
  await sagas.start(tx, serverMigrate, params, { subject: serverSubject(id), request: context, action });
}

/** The server stays where, and as large as, it is now. */
export async function confirmResize(
  { sagas }: Deps,
  tx: Tx,
  context: RequestContext,
  id: Uuid,
): Promise<void> {
  await begin(tx, context, id, "confirmResize");
  const migration = await finishedMigration(tx, id);
  await setStatus(tx, migration.id, { from: ["finished"], to: "confirming" });
  const params = { serverId: id, migrationId: migration.id, sourceHost: migration.source_compute };
  const action = actionWords.confirmResize.log;
  await sagas.start(tx, serverResizeConfirm, params, {
    subject: serverSubject(id),
    request: context,
    action,
  });
}

/** The server goes back to where, and as large as, it was. */
export async function revertResize(
  { sagas, config }: Deps,
  tx: Tx,
  context: RequestContext,
  id: Uuid,
): Promise<void> {
  const server = await begin(tx, context, id, "revertResize");
  const migration = await finishedMigration(tx, id);
  await setStatus(tx, migration.id, { from: ["finished"], to: "reverting" });
  await checkHostUp(tx, config, migration.source_compute);
  const params = {
    serverId: id,
    migrationId: migration.id,
    revertId: newId(tx),
    source: sourceOf(migration),
    dest: destOf(migration),
    oldFlavor: flavorOf(migration.old_flavor),
    newFlavor: flavorOf(migration.new_flavor),
    hasVolumes: (await blockDevicesOf(tx, id)).length > 0,
    wasRunning: migration.was_running === 1,
    isRunning: server.power_state === powerStates.running,
  };
  const action = actionWords.revertResize.log;
  await sagas.start(tx, serverResizeRevert, params, { subject: serverSubject(id), request: context, action });
}

function placeOf({ id, host, node_id, node, availability_zone }: Server): Place {
  if (host === null || node_id === null) throw errors.serverNotReady(id);
  return { host, nodeId: node_id, node: node ?? host, availabilityZone: availability_zone ?? "" };
}

async function hypervisorOf(tx: Tx, { nodeId }: Place): Promise<string> {
  const node = await tx
    .selectFrom("compute_nodes")
    .select("hypervisor_type")
    .where("id", "=", nodeId)
    .executeTakeFirstOrThrow();
  return node.hypervisor_type;
}

function serviceOf(tx: Tx, host: string) {
  return tx
    .selectFrom("compute_services")
    .selectAll()
    .where("binary", "=", computeBinary)
    .where("host", "=", host)
    .executeTakeFirst();
}

async function hostExists(tx: Tx, host: string): Promise<boolean> {
  return (await serviceOf(tx, host)) !== undefined;
}

async function checkHostUp(tx: Tx, config: Deps["config"], host: string): Promise<void> {
  const service = await serviceOf(tx, host);
  if (service === undefined || !isUp(service, now(tx), config)) throw errors.hostAway(host);
}
