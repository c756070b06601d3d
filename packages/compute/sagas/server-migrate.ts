// Moves a server to another host, or makes it larger or smaller, while it is off. The guest is put aside on
// its host, its disks are copied, and it starts at its new place; until somebody confirms, the copy stays, so
// that it can go back. Whatever fails, the guest comes back from its copy.
import type { Uuid } from "@micronova/kit";
import { ports } from "@micronova/network";
import { claim as claimResources, unclaim } from "@micronova/placement";
import { saga } from "@micronova/saga";
import { now, type Tx } from "@micronova/store";
import { errors } from "../errors.ts";
import { portIdsOf } from "../interfaces.ts";
import {
  type Candidate,
  type Destinations,
  type RequestSpec,
  schedulerContract,
} from "../scheduler-contract.ts";
import { carryBelongings, charge, giveBackTo, holdFor, setStatus, settled } from "../server-migrations.ts";
import { resourcesOf } from "../server-resources.ts";
import { advance, fail, finish, type Place, retreat } from "../server-state.ts";
import { exportVolumes, unexportVolumes } from "../server-volumes.ts";
import { movingTasks, serverStates } from "../states.ts";
import type { FlavorCopy } from "../tables.ts";
import { computeWorkerContract } from "../worker/contract.ts";
import { comeBack, isForDeletion } from "./copies.ts";
import { failedHosts } from "./failed-hosts.ts";
import { faultOf } from "./fault-of.ts";
import { spawnArgs } from "./spawn-args.ts";

export interface ServerMigrateParams {
  readonly serverId: Uuid;
  /** Also the name of the copy that stays behind. */
  readonly migrationId: Uuid;
  readonly userId: string;
  readonly request: Omit<RequestSpec, "ignoreHosts">;
  readonly source: Place;
  readonly oldFlavor: FlavorCopy;
  readonly newFlavor: FlavorCopy;
  readonly hasImage: boolean;
  readonly hasVolumes: boolean;
  readonly wasRunning: boolean;
  readonly dhcpDomain: string;
}

/** Nova's `scheduler.max_attempts`. */
const attempts = 3;
/** Nova's `shutdown_timeout`: how long a guest may take to shut down by itself. */
const shutdownGraceMs = 60_000;
/** Terabytes over a slow network. A host that copies says so all the time. */
const copyDeadlineMs = 24 * 3_600_000;

export const serverMigrate = saga<ServerMigrateParams>("server-migrate")
  .query("schedule", {
    do: ({ rpc }, { params, failures }): Promise<Destinations> =>
      rpc
        .any(schedulerContract)
        .select_destinations({ ...params.request, ignoreHosts: failedHosts(failures) }),
  })
  .local("claim", {
    do: (tx, { params, outputs }) => claim(tx, params, outputs.schedule.candidates),
    undo: (tx, { params }) => unclaimAgain(tx, params),
  })
  .retryFrom("schedule", attempts)
  .query("measure", {
    do: ({ rpc }, { params }) =>
      rpc.on(computeWorkerContract, params.source.host).ownDisks({ serverId: params.serverId }),
  })
  // Before the guest is stopped: a host that cannot take it costs nobody anything.
  .remote("receive", {
    do: async ({ rpc }, { params: { serverId, source }, outputs }) => {
      const { host } = outputs.claim;
      const { disks } = outputs.measure;
      try {
        return await rpc.on(computeWorkerContract, host).receive({ serverId, from: source.host, disks });
      } catch (error) {
        throw moveFailure(serverId, host, error);
      }
    },
    undo: async ({ rpc }, { params: { serverId }, outputs }) => {
      await rpc.on(computeWorkerContract, outputs.claim.host).unreceive({ serverId });
    },
    undoMayWait: true,
  })
  .retryFrom("schedule", attempts)
  .remote("leave", {
    do: async ({ rpc, store }, { params: { serverId, migrationId, source } }) => {
      const portIds = await portIdsOf(store.read, serverId);
      const leaving = { serverId, copy: migrationId, portIds, graceMs: shutdownGraceMs };
      await rpc.on(computeWorkerContract, source.host).leave(leaving);
    },
    undo: async (env, { params, cause }) => {
      const { serverId, migrationId: copy, source, wasRunning } = params;
      if (isForDeletion(cause)) return;
      await comeBack(env, { serverId, host: source.host, copy, on: wasRunning });
    },
    undoMayWait: true,
  })
  .remote("copy", {
    do: async ({ rpc }, { params: { serverId, migrationId, source }, outputs }) => {
      const { target: to } = outputs.receive;
      if (to === null) return;
      await rpc.on(computeWorkerContract, source.host).send({ serverId, copy: migrationId, to });
    },
    deadlineMs: copyDeadlineMs,
  })
  .remote("withdraw", {
    onlyWhen: ({ hasVolumes }) => hasVolumes,
    do: (env, { params }) => unexportVolumes(env, params.serverId, params.source.host),
  })
  .local("move", {
    do: (tx, { params, outputs }) => move(tx, params, outputs.claim),
    undo: (tx, { params }) => moveBack(tx, params),
  })
  .remote("export", {
    onlyWhen: ({ hasVolumes }) => hasVolumes,
    do: (env, { params, outputs }) => exportVolumes(env, params.serverId, outputs.claim.host),
    undo: (env, { params, outputs }) => unexportVolumes(env, params.serverId, outputs.claim.host),
  })
  .remote("arrive", {
    do: async ({ rpc, store }, { params, outputs }) => {
      const { serverId, hasVolumes, dhcpDomain, wasRunning: on } = params;
      const volumes = hasVolumes ? outputs.export : [];
      const args = await spawnArgs(store.read, { serverId, volumes, dhcpDomain, hasDisk: true });
      return rpc.on(computeWorkerContract, outputs.claim.host).arrive({ ...args, on });
    },
    undo: async ({ rpc, store }, { params: { serverId }, outputs }) => {
      const portIds = await portIdsOf(store.read, serverId);
      await rpc.on(computeWorkerContract, outputs.claim.host).drop({ serverId, portIds });
    },
    undoMayWait: true,
  })
  .local("finish", {
    do: async (tx, { params: { serverId, migrationId }, outputs }) => {
      const { powerState: power_state, plugged } = outputs.arrive;
      const isDone = await finish(tx, serverId, "resize", { power_state, launched_at: now(tx) });
      if (!isDone) throw errors.serverGoing(serverId);
      await ports.plugged(tx, plugged);
      await setStatus(tx, migrationId, { from: ["post-migrating"], to: "finished" });
    },
  })
  .onUnwound(async (tx, context) => {
    const { serverId, migrationId, oldFlavor } = context.params;
    await setStatus(tx, migrationId, { from: ["pre-migrating"], to: "error" });
    await retreat(tx, serverId, "resize", { task: firstTask, change: charge(oldFlavor) });
    await fail(tx, serverId, "resize", faultOf(context.cause, context));
  })
  .build();

const firstTask = serverStates.actions.resize.task!;

/** In one transaction: the first candidate that still fits is taken; what the source holds is the move's. */
async function claim(tx: Tx, params: ServerMigrateParams, candidates: readonly Candidate[]): Promise<Place> {
  const { serverId, migrationId, userId, request, newFlavor, hasImage } = params;
  const resources = resourcesOf(newFlavor, hasImage);
  await holdFor(tx, serverId, migrationId);
  for (const { host, nodeId, node, availabilityZone } of candidates) {
    const wanted = {
      consumerId: serverId,
      projectId: request.projectId,
      userId,
      providerId: nodeId,
      resources,
    };
    if (!(await claimResources(tx, wanted))) continue;
    const dest = { host, nodeId, node, availabilityZone };
    await advance(tx, serverId, "resize", { task: movingTasks.chosen });
    await setStatus(
      tx,
      migrationId,
      { from: ["pre-migrating"], to: "migrating" },
      { dest: JSON.stringify(dest), dest_compute: host, dest_host: await addressOf(tx, nodeId) },
    );
    return dest;
  }
  throw errors.candidatesTaken(candidates.length);
}

async function addressOf(tx: Tx, nodeId: Uuid): Promise<string | null> {
  const node = await tx
    .selectFrom("compute_nodes")
    .select("host_ip")
    .where("id", "=", nodeId)
    .executeTakeFirst();
  return node?.host_ip ?? null;
}

async function unclaimAgain(tx: Tx, { serverId, migrationId }: ServerMigrateParams): Promise<void> {
  await unclaim(tx, serverId);
  await giveBackTo(tx, serverId, migrationId);
  await retreat(tx, serverId, "resize", { task: firstTask });
  const nowhere = { dest: null, dest_compute: null, dest_host: null };
  await setStatus(tx, migrationId, { from: ["migrating"], to: "pre-migrating" }, nowhere);
}

async function move(tx: Tx, params: ServerMigrateParams, dest: Place): Promise<void> {
  const { serverId, migrationId, newFlavor } = params;
  await advance(tx, serverId, "resize", { task: movingTasks.there, change: settled(dest, newFlavor) });
  await carryBelongings(tx, serverId, dest.host);
  await setStatus(tx, migrationId, { from: ["migrating"], to: "post-migrating" });
}

async function moveBack(tx: Tx, params: ServerMigrateParams): Promise<void> {
  const { serverId, migrationId, source, oldFlavor } = params;
  const change = settled(source, oldFlavor);
  await retreat(tx, serverId, "resize", { task: movingTasks.chosen, change });
  await carryBelongings(tx, serverId, source.host);
  await setStatus(tx, migrationId, { from: ["post-migrating"], to: "migrating" });
}

/** Whatever a host could not do, another may: the failure is said to be worth another try. */
function moveFailure(serverId: Uuid, host: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return Object.assign(errors.moveRefused(serverId, host, why), { cause });
}
