// Which networks a server gets, with which ports, addresses and security groups: checked before anything exists.
import type { RequestContext, Uuid } from "@micronova/kit";
import { isFault } from "@micronova/kit";
import { networks, ports, securityGroups } from "@micronova/network";
import { newId, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import type { RequestedPort } from "./interfaces.ts";
import type { CreateServer } from "./server-create.ts";

export interface RequestedNetwork {
  readonly networkId: Uuid | null;
  /** A port the user made, which outlives the server. */
  readonly portId: Uuid | null;
  readonly fixedIp: string | null;
  readonly tag: string | null;
}

/** A network to make a port on, or a port to take. */
interface PlannedPort {
  readonly networkId: Uuid;
  readonly portId: Uuid | null;
  readonly fixedIp: string | null;
  readonly tag: string | null;
}

export interface PlannedNetworks {
  readonly ports: readonly PlannedPort[];
  readonly groupNames: readonly string[];
  readonly groupIds: readonly Uuid[] | null;
}

type Wanted = Pick<CreateServer, "networks" | "security_groups" | "max_count">;

export async function planNetworks(
  read: Tx,
  context: RequestContext,
  wanted: Wanted,
): Promise<PlannedNetworks> {
  const groups = await findGroups(read, context, wanted.security_groups);
  return {
    ports: await plannedPorts(read, context, wanted),
    groupNames: wanted.security_groups.length === 0 ? ["default"] : [...new Set(wanted.security_groups)],
    groupIds: groups,
  };
}

async function plannedPorts(read: Tx, context: RequestContext, wanted: Wanted): Promise<PlannedPort[]> {
  const { networks: asked, max_count } = wanted;
  if (asked === "none") return [];
  if (asked === null || asked === "auto" || asked.length === 0) return automatic(read, context);
  const planned: PlannedPort[] = [];
  for (const request of asked) {
    if (max_count > 1 && request.portId !== null) throw errors.portForSeveral();
    if (max_count > 1 && request.fixedIp !== null) throw errors.fixedIpForSeveral();
    planned.push(await planned1(read, context, request));
  }
  return planned;
}

/** The one network there is; several are the user's choice, none is a server without a card. */
async function automatic(read: Tx, context: RequestContext): Promise<PlannedPort[]> {
  const usable = await networks.usableBy(read, context);
  if (usable.length > 1) throw errors.networkAmbiguous();
  return usable.map(({ id }) => ({ networkId: id, portId: null, fixedIp: null, tag: null }));
}

async function planned1(read: Tx, context: RequestContext, request: RequestedNetwork): Promise<PlannedPort> {
  const { portId, networkId, fixedIp, tag } = request;
  if (portId === null) {
    const network = await visible(
      () => networks.get(read, context, networkId ?? ""),
      () => errors.networkNotFound(networkId ?? ""),
    );
    return { networkId: network.id, portId: null, fixedIp, tag };
  }
  const port = await visible(
    () => ports.get(read, context, portId),
    () => errors.portNotFound(portId),
  );
  if (port.device_id !== "") throw errors.portInUse(portId);
  return { networkId: port.network_id, portId, fixedIp: null, tag };
}

/** What the network does not find is a mistake of the request here. */
async function visible<T>(find: () => Promise<T>, missing: () => Error): Promise<T> {
  try {
    return await find();
  } catch (error) {
    throw isFault(error) && error.status === 404 ? missing() : error;
  }
}

/** Ids by name or id; null leaves the choice to the network. */
async function findGroups(
  read: Tx,
  context: RequestContext,
  names: readonly string[],
): Promise<readonly Uuid[] | null> {
  if (names.length === 0) return null;
  const ids: Uuid[] = [];
  for (const name of names) {
    const group = await visible(
      () => securityGroups.find(read, context, name),
      () => errors.securityGroupNotFound(name),
    );
    ids.push(group.id);
  }
  return ids;
}

/** The ports of one server, their ids born here so that its saga can name them. */
export function portsFor(tx: Tx, { ports: planned, groupIds }: PlannedNetworks): RequestedPort[] {
  return planned.map(({ networkId, portId, fixedIp, tag }) => ({
    portId: portId ?? newId(tx),
    networkId,
    fixedIp,
    tag,
    isPreexisting: portId !== null,
    securityGroups: groupIds,
  }));
}
