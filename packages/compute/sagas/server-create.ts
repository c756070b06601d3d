// Builds a server: asks the scheduler, claims the first host that still has room, makes the ports, starts the
// guest, and says so. A host that fails is undone and the next is tried, three times in all; then everything
// is undone, and the server stays in error with the reason.
import type { Uuid } from "@micronova/kit";
import { networkHosts, ports } from "@micronova/network";
import { claim as claimResources, unclaim } from "@micronova/placement";
import { type PastFailure, type StepContext, type StepError, saga } from "@micronova/saga";
import { now, type Tx } from "@micronova/store";
import { errors } from "../errors.ts";
import { makePorts, type RequestedPort, unmakePorts } from "../interfaces.ts";
import {
  type Candidate,
  type Destinations,
  type RequestSpec,
  schedulerContract,
} from "../scheduler-contract.ts";
import { fail, finish, type Place, place, type ServerChange, unplace } from "../server-state.ts";
import { completeVolumes, exportVolumes, releaseVolumes, unexportVolumes } from "../server-volumes.ts";
import { computeWorkerContract } from "../worker/contract.ts";
import { failedHosts } from "./failed-hosts.ts";
import { faultOf } from "./fault-of.ts";
import { spawnArgs } from "./spawn-args.ts";

export interface ServerCreateParams {
  readonly serverId: Uuid;
  readonly userId: string;
  readonly request: Omit<RequestSpec, "ignoreHosts">;
  readonly ports: readonly RequestedPort[];
  /** What the network calls the server in its names. */
  readonly hostname: string;
  readonly hasVolumes: boolean;
  /** Appended to the hostname on a config drive. */
  readonly dhcpDomain: string;
}

/** Nova's `scheduler.max_attempts`. */
const attempts = 3;

export const serverCreate = saga<ServerCreateParams>("server-create")
  .query("schedule", {
    do: ({ rpc }, { params, failures }): Promise<Destinations> =>
      rpc
        .any(schedulerContract)
        .select_destinations({ ...params.request, ignoreHosts: failedHosts(failures) }),
  })
  .local("claim", {
    do: (tx, context) => claim(tx, context, context.outputs.schedule.candidates),
    undo: (tx, { params }) => giveBack(tx, params),
  })
  .retryFrom("schedule", attempts)
  .remote("export", {
    onlyWhen: ({ hasVolumes }) => hasVolumes,
    do: (env, { params, outputs }) => exportVolumes(env, params.serverId, outputs.claim.host),
    undo: (env, { params, outputs }) => unexportVolumes(env, params.serverId, outputs.claim.host),
  })
  .retryFrom("schedule", attempts)
  .remote("spawn", {
    do: async ({ rpc, store }, { params, outputs }) => {
      const { serverId } = params;
      const { host } = outputs.claim;
      const volumes = params.hasVolumes ? outputs.export : [];
      const args = await spawnArgs(store.read, { serverId, volumes, dhcpDomain: params.dhcpDomain });
      try {
        return await rpc.on(computeWorkerContract, host).spawn(args);
      } catch (error) {
        throw buildFailure(serverId, host, error);
      }
    },
    undo: async ({ rpc }, { params, outputs }) => {
      const { serverId } = params;
      const host = outputs.claim?.host;
      if (host === undefined) return;
      const portIds = params.ports.map(({ portId }) => portId);
      await rpc.on(computeWorkerContract, host).destroy({ serverId, portIds });
    },
    undoMayWait: true,
  })
  .retryFrom("schedule", attempts)
  .local("activate", {
    do: async (tx, { params, outputs }) => {
      const { serverId } = params;
      const power_state = outputs.spawn.powerState;
      const isDone = await finish(tx, serverId, "create", { launched_at: now(tx), power_state });
      if (!isDone) throw errors.serverGoing(serverId);
      await ports.plugged(tx, outputs.spawn.plugged);
      if (params.hasVolumes) await completeVolumes(tx, serverId, outputs.claim.host);
    },
  })
  .onUnwound(async (tx, context) => {
    const { params, cause, failures } = context;
    if (params.hasVolumes) await releaseVolumes(tx, params.serverId);
    await fail(tx, params.serverId, "create", faultOf(lastWord(params.serverId, cause, failures), context));
  })
  .build();

/** In one transaction: the first candidate that still fits is taken, and the server's ports are made. */
async function claim(
  tx: Tx,
  { params, request }: StepContext<ServerCreateParams, unknown>,
  candidates: readonly Candidate[],
): Promise<Place> {
  const { serverId, userId } = params;
  const { flavor, projectId } = params.request;
  const resources = resourcesOf(flavor);
  for (const { host, nodeId, node, availabilityZone } of candidates) {
    const wanted = { consumerId: serverId, projectId, userId, providerId: nodeId, resources };
    if (!(await claimResources(tx, wanted))) continue;
    const where = { host, nodeId, node, availabilityZone };
    await place(tx, serverId, where, await placeChange(tx, host));
    await makePorts(tx, request, { serverId, serverName: params.hostname, host, ports: params.ports });
    return where;
  }
  throw errors.candidatesTaken(candidates.length);
}

/** A guest that cannot ask for its metadata has it on a config drive, wanted or not, as with Nova. */
async function placeChange(tx: Tx, host: string): Promise<ServerChange> {
  return (await networkHosts.lackMetadata(tx, host)) ? { config_drive: 1 } : {};
}

function resourcesOf({ vcpus, memoryMb, diskGb }: RequestSpec["flavor"]): Record<string, number> {
  return { VCPU: vcpus, MEMORY_MB: memoryMb, ...(diskGb === 0 ? {} : { DISK_GB: diskGb }) };
}

async function giveBack(tx: Tx, { serverId }: ServerCreateParams): Promise<void> {
  await unmakePorts(tx, serverId);
  await unclaim(tx, serverId);
  await unplace(tx, serverId);
}

/** Whatever a host could not do, another may: the failure is said to be worth another try. */
function buildFailure(serverId: Uuid, host: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return Object.assign(errors.buildFailed(serverId, host, why), { cause });
}

/** What the user is told: after tries on hosts the last of their failures, else the cause itself. */
function lastWord(serverId: Uuid, cause: StepError, failures: readonly PastFailure[]): StepError {
  const onHosts = failures.filter(({ outputs }) => outputs["claim"] !== undefined);
  const last = onHosts.at(-1);
  if (last === undefined) return cause;
  const { message } = cause.kind === errors.noValidHost.kind ? last.error : cause;
  const { kind, status, message: text } = errors.retriesExhausted(serverId, message);
  return { kind, status, message: text, retriable: false };
}
