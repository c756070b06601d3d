// Network cards given to and taken from servers that exist already.
import type { RequestContext, Uuid } from "@micronova/kit";
import { type PortSpec, portSpecs } from "@micronova/network";
import type { Tx } from "@micronova/store";
import { planNetworks, portsFor } from "./boot-networks.ts";
import type { ComputeDeps } from "./deps.ts";
import { errors } from "./errors.ts";
import { interfacesOf, makePorts } from "./interfaces.ts";
import { interfaceAttach } from "./sagas/interface-attach.ts";
import { interfaceDetach } from "./sagas/interface-detach.ts";
import { begin } from "./server-state.ts";
import { getServer, serverSubject } from "./servers.ts";
import { actionWords } from "./states.ts";

export interface AttachInterface {
  readonly serverId: Uuid;
  readonly portId: Uuid | null;
  readonly networkId: Uuid | null;
  readonly fixedIp: string | null;
  readonly tag: string | null;
}

/** What an answer shows of one card. */
export interface ShownInterface {
  readonly port_id: Uuid;
  readonly net_id: Uuid;
  readonly mac_addr: string;
  readonly port_state: string;
  readonly fixed_ips: readonly { readonly subnet_id: Uuid; readonly ip_address: string }[];
  readonly tag: string | null;
}

/** Makes or takes the port and starts the saga that plugs it; answers the saga and the port. */
export async function attachInterface(
  { sagas }: Pick<ComputeDeps, "sagas">,
  tx: Tx,
  context: RequestContext,
  wanted: AttachInterface,
): Promise<{ readonly sagaId: Uuid; readonly portId: Uuid }> {
  const { serverId, portId, networkId, fixedIp, tag } = wanted;
  const server = await begin(tx, context, serverId, "attachInterface");
  if (server.host === null) throw errors.serverNotReady(serverId);
  const asked =
    portId === null && networkId === null ? ("auto" as const) : [{ portId, networkId, fixedIp, tag }];
  const planned = await planNetworks(tx, context, { networks: asked, security_groups: [], max_count: 1 });
  const [port] = portsFor(tx, planned);
  if (port === undefined) throw errors.networkNotFound(networkId ?? "");
  const first = (await interfacesOf(tx, serverId)).length;
  const { host, hostname } = server;
  await makePorts(tx, context, { serverId, serverName: hostname, host, ports: [port], first });
  const sagaId = await sagas.start(
    tx,
    interfaceAttach,
    { serverId, host, portId: port.portId },
    { subject: serverSubject(serverId), request: context, action: actionWords.attachInterface.log },
  );
  return { sagaId, portId: port.portId };
}

export async function detachInterface(
  { sagas }: Pick<ComputeDeps, "sagas">,
  tx: Tx,
  context: RequestContext,
  { serverId, portId }: { readonly serverId: Uuid; readonly portId: Uuid },
): Promise<void> {
  await getInterface(tx, context, serverId, portId);
  const { host } = await begin(tx, context, serverId, "detachInterface");
  if (host === null) throw errors.serverNotReady(serverId);
  const options = {
    subject: serverSubject(serverId),
    request: context,
    action: actionWords.detachInterface.log,
  };
  await sagas.start(tx, interfaceDetach, { serverId, host, portId }, options);
}

export async function listInterfaces(tx: Tx, context: RequestContext, id: Uuid): Promise<ShownInterface[]> {
  await getServer(tx, context, id);
  const shown: ShownInterface[] = [];
  for (const { port_id, tag } of await interfacesOf(tx, id)) {
    // A port that was removed at the network is no card any more; deleting the server lets go of the rest.
    const [spec] = await portSpecs(tx, [port_id]);
    if (spec !== undefined) shown.push(interfaceOf(spec, tag));
  }
  return shown;
}

export async function getInterface(
  tx: Tx,
  context: RequestContext,
  serverId: Uuid,
  portId: Uuid,
): Promise<ShownInterface> {
  await getServer(tx, context, serverId);
  const row = (await interfacesOf(tx, serverId)).find(({ port_id }) => port_id === portId);
  if (row === undefined) throw errors.interfaceNotFound(portId);
  return shownInterface(tx, portId, row.tag);
}

async function shownInterface(tx: Tx, portId: Uuid, tag: string | null): Promise<ShownInterface> {
  const [spec] = await portSpecs(tx, [portId]);
  if (spec === undefined) throw errors.interfaceNotFound(portId);
  return interfaceOf(spec, tag);
}

function interfaceOf(spec: PortSpec, tag: string | null): ShownInterface {
  return {
    port_id: spec.id,
    net_id: spec.network.id,
    mac_addr: spec.mac_address,
    port_state: "ACTIVE",
    fixed_ips: spec.fixed_ips,
    tag,
  };
}
