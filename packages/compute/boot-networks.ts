// Which networks a server gets, with which ports, addresses and security groups: checked before anything
// exists.
import type { RequestContext, Uuid } from "@micronova/kit";
import { isFault } from "@micronova/kit";
import { deviceAtAddress, networks, ports, securityGroups } from "@micronova/network";
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
  /** Names or ids, as they were asked for. */
  readonly groups: readonly string[];
  /** As the server shows them. */
  readonly groupNames: readonly string[];
}

type Wanted = Pick<CreateServer, "networks" | "security_groups" | "max_count">;

export async function planNetworks(
  read: Tx,
  context: RequestContext,
  wanted: Wanted,
): Promise<PlannedNetworks> {
  const asked = new Set(wanted.security_groups);
  const groups = asked.size === 0 ? [defaultGroup] : [...asked];
  const groupNames = await namesOf(read, context, groups);
  return { ports: await plannedPorts(read, context, wanted), groups, groupNames };
}

async function plannedPorts(read: Tx, context: RequestContext, wanted: Wanted): Promise<PlannedPort[]> {
  const { networks: asked, max_count } = wanted;
  if (asked === "none") return [];
  if (asked === null || asked === "auto" || asked.length === 0) return automatic(read, context);
  const planned: PlannedPort[] = [];
  for (const request of asked) {
    if (max_count > 1 && request.portId !== null) throw errors.portForSeveral();
    if (max_count > 1 && request.fixedIp !== null) throw errors.fixedIpForSeveral();
    planned.push(await planOne(read, context, request));
  }
  return planned;
}

/** The one network there is; several are the user's choice, none is a server without a card. */
async function automatic(read: Tx, context: RequestContext): Promise<PlannedPort[]> {
  const usable = await networks.usableBy(read, context);
  if (usable.length > 1) throw errors.networkAmbiguous();
  return usable.map(({ id }) => ({ networkId: id, portId: null, fixedIp: null, tag: null }));
}

async function planOne(read: Tx, context: RequestContext, request: RequestedNetwork): Promise<PlannedPort> {
  const { portId, networkId, fixedIp, tag } = request;
  if (portId === null) {
    const network = await visible(
      () => networks.get(read, context, networkId ?? ""),
      () => errors.networkNotFound(networkId ?? ""),
    );
    const isOwn = network.project_id === context.projectId || network.shared === 1;
    if (network.is_external === 1 && !isOwn && !context.isAdmin) throw errors.networkExternal(network.id);
    if (fixedIp !== null) await checkFree(read, network.id, fixedIp);
    return { networkId: network.id, portId: null, fixedIp, tag };
  }
  const port = await visible(
    () => ports.get(read, context, portId),
    () => errors.portNotFound(portId),
  );
  if (port.device_id !== "") throw errors.portInUse(portId);
  return { networkId: port.network_id, portId, fixedIp: null, tag };
}

/** Refuses an address that a port has; one of no subnet is the network's to refuse when the port is made. */
async function checkFree(read: Tx, networkId: Uuid, fixedIp: string): Promise<void> {
  const device = await deviceAtAddress(read, networkId, fixedIp);
  if (device !== null) throw errors.fixedIpInUse(fixedIp, device);
}

/** What the network does not find is a mistake of the request here. */
async function visible<T>(find: () => Promise<T>, missing: () => Error): Promise<T> {
  try {
    return await find();
  } catch (error) {
    throw isFault(error) && error.status === 404 ? missing() : error;
  }
}

/** Every project has a default group, made when it is first needed. */
const defaultGroup = "default";

/** Refuses groups that are not there, before anything is made. */
async function namesOf(read: Tx, context: RequestContext, groups: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const group of groups) {
    // The default one need not be there yet.
    if (group === defaultGroup) names.add(group);
    else
      names.add(
        await visible(
          async () => (await securityGroups.named(read, context.projectId ?? "", group)).name,
          () => errors.securityGroupNotFound(group),
        ),
      );
  }
  return [...names];
}

/** The ports of one server, their ids born here so that its saga can name them. */
export function portsFor(tx: Tx, { ports: planned, groups }: PlannedNetworks): RequestedPort[] {
  return planned.map(({ networkId, portId, fixedIp, tag }) => ({
    portId: portId ?? newId(tx),
    networkId,
    fixedIp,
    tag,
    isPreexisting: portId !== null,
    securityGroups: groups,
  }));
}
