// Network cards of a server.
import { always, routesOf, since, sinceField, Type, type View, versioned } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import {
  attachInterface,
  detachInterface,
  getInterface,
  listInterfaces,
  type ShownInterface,
} from "../server-interfaces.ts";
import { ipv4, ipv6, tag, uuid } from "./schemas/parts.ts";
import { emptyQuery } from "./schemas/servers.ts";

const route = routesOf<ComputeDeps>();
const collection = "/servers/:server_id/os-interface";
const one = `${collection}/:port_id`;

const interfaceView: View<ShownInterface> = {
  port_id: always(({ port_id }) => port_id),
  net_id: always(({ net_id }) => net_id),
  mac_addr: always(({ mac_addr }) => mac_addr),
  port_state: always(({ port_state }) => port_state),
  fixed_ips: always(({ fixed_ips }) => fixed_ips),
  tag: sinceField("2.70", (card) => card.tag),
};

const closed = { additionalProperties: false } as const;
const attachBody = Type.Object(
  {
    interfaceAttachment: Type.Optional(
      Type.Object(
        {
          net_id: Type.Optional(uuid),
          port_id: Type.Optional(uuid),
          fixed_ips: Type.Optional(
            Type.Array(Type.Object({ ip_address: Type.Union([ipv4, ipv6]) }, closed), {
              minItems: 1,
              maxItems: 1,
            }),
          ),
          tag: Type.Optional(versioned(since("2.49"), tag)),
        },
        closed,
      ),
    ),
  },
  closed,
);

const listCards = route({
  method: "GET",
  path: collection,
  policy: "os_compute_api:os-attach-interfaces:list",
  query: emptyQuery,
  success: 200,
  summary: "Lists a server's network cards.",
  async handle(request, { store }) {
    const cards = await listInterfaces(store.read, request.context, request.params["server_id"]!);
    return { interfaceAttachments: cards.map((card) => request.render(interfaceView, card)) };
  },
});

const showCard = route({
  method: "GET",
  path: one,
  policy: "os_compute_api:os-attach-interfaces:show",
  query: emptyQuery,
  success: 200,
  summary: "Shows one network card.",
  async handle(request, { store }) {
    const { server_id = "", port_id = "" } = request.params;
    const card = await getInterface(store.read, request.context, server_id, port_id);
    return { interfaceAttachment: request.render(interfaceView, card) };
  },
});

const attachCard = route({
  method: "POST",
  path: collection,
  policy: "os_compute_api:os-attach-interfaces:create",
  body: attachBody,
  success: 200,
  summary: "Gives a server a network card, and answers once the guest has it.",
  async handle(request, deps) {
    const { context, body } = request;
    const serverId = request.params["server_id"]!;
    const { net_id, port_id, fixed_ips, tag: label } = body.interfaceAttachment ?? {};
    const wanted = {
      serverId,
      portId: port_id ?? null,
      networkId: net_id ?? null,
      fixedIp: fixed_ips?.[0]?.ip_address ?? null,
      tag: label ?? null,
    };
    const { sagaId, portId } = await deps.store.transaction((tx) =>
      attachInterface(deps, tx, context, wanted),
    );
    const outcome = await deps.sagas.outcome(sagaId);
    if ("error" in outcome) throw errors.interfaceFailed(outcome.error.message);
    const card = await getInterface(deps.store.read, context, serverId, portId);
    return { interfaceAttachment: request.render(interfaceView, card) };
  },
});

const detachCard = route({
  method: "DELETE",
  path: one,
  policy: "os_compute_api:os-attach-interfaces:delete",
  success: 202,
  summary: "Takes a network card from a server.",
  async handle(request, deps) {
    const { server_id = "", port_id = "" } = request.params;
    const wanted = { serverId: server_id, portId: port_id };
    await deps.store.transaction((tx) => detachInterface(deps, tx, request.context, wanted));
    return null;
  },
});

export const interfaceRoutes = [listCards, showCard, attachCard, detachCard];
