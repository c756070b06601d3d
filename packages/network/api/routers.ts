// /v2.0/routers
import { type ApiContext, routesOf, type Static, Type } from "@micronova/http";
import type { Tx } from "@micronova/store";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { getNetwork } from "../networks.ts";
import {
  addInterface,
  createRouter,
  getRouter,
  removeInterface,
  removeRouter,
  updateRouter,
  visibleRouters,
} from "../routers.ts";
import type { Network, Port, Router, Subnet } from "../tables.ts";
import {
  checkRevision,
  flagOf,
  given,
  idText,
  optionalBoolean,
  optionalText,
  projectOf,
  projectProperties,
} from "./common.ts";
import { listOf, shown } from "./listing.ts";
import { routerView } from "./views.ts";

const route = routesOf<NetworkDeps>();
const collection = "/v2.0/routers";
const one = `${collection}/:router_id`;

const gateway = Type.Optional(
  Type.Union([
    Type.Null(),
    Type.Object(
      {
        network_id: Type.Optional(idText),
        enable_snat: optionalBoolean,
        external_fixed_ips: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 0 })),
      },
      { additionalProperties: false },
    ),
  ]),
);
const common = {
  name: optionalText,
  description: optionalText,
  admin_state_up: optionalBoolean,
  external_gateway_info: gateway,
  // Neither exists here; clients that say so are right.
  distributed: Type.Optional(Type.Literal(false)),
  ha: Type.Optional(Type.Literal(false)),
  routes: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 0 })),
};
const createBody = Type.Object({
  router: Type.Object(
    {
      ...common,
      ...projectProperties,
      availability_zone_hints: Type.Optional(Type.Array(Type.String(), { maxItems: 10 })),
    },
    { additionalProperties: false },
  ),
});
const updateBody = Type.Object({ router: Type.Object(common, { additionalProperties: false }) });
const interfaceBody = Type.Object(
  { subnet_id: Type.Optional(idText), port_id: Type.Optional(idText) },
  { additionalProperties: false },
);

const list = route({
  method: "GET",
  path: collection,
  policy: "get_router",
  success: 200,
  summary: "Lists the project's routers.",
  async handle(request, { store }) {
    const rows = await visibleRouters(store.read, request.context).execute();
    return listOf(request, "routers", rows.map(routerView));
  },
});

const show = route({
  method: "GET",
  path: one,
  policy: "get_router",
  success: 200,
  summary: "Shows a router.",
  async handle(request, { store }) {
    const router = await getRouter(store.read, request.context, request.params["router_id"]!);
    return shown(request, "router", routerView(router));
  },
});

const create = route({
  method: "POST",
  path: collection,
  policy: "create_router",
  body: createBody,
  success: 201,
  summary: "Makes a router; with a gateway, what is behind it reaches the outside at the host's address.",
  async handle({ context, body }, { store }) {
    const { name, description, admin_state_up } = body.router;
    const project_id = projectOf(context, body.router);
    return store.transaction(async (tx) => {
      const wanted = { ...given({ name, description, admin_state_up }), ...gatewayOf(body.router) };
      const router = await createRouter(tx, { project_id, ...wanted });
      return { router: routerView(router) };
    });
  },
});

const update = route({
  method: "PUT",
  path: one,
  policy: "update_router",
  body: updateBody,
  success: 200,
  summary: "Changes a router.",
  async handle({ context, params, body, headers }, { store }) {
    return store.transaction(async (tx) => {
      const before = await getRouter(tx, context, params["router_id"]!);
      checkRevision(headers, before);
      const { name, description, admin_state_up } = body.router;
      const { gateway_network_id, enable_snat } = gatewayOf(body.router);
      const flags = { admin_state_up: flagOf(admin_state_up), enable_snat: flagOf(enable_snat) };
      const router = await updateRouter(
        tx,
        before.id,
        given({ name, description, gateway_network_id, ...flags }),
      );
      return { router: routerView(router) };
    });
  },
});

const remove = route({
  method: "DELETE",
  path: one,
  policy: "delete_router",
  success: 204,
  summary: "Removes a router without interfaces.",
  async handle({ context, params, headers }, { store }) {
    await store.transaction(async (tx) => {
      const router = await getRouter(tx, context, params["router_id"]!);
      checkRevision(headers, router);
      await removeRouter(tx, router.id);
    });
  },
});

const add = route({
  method: "PUT",
  path: `${one}/add_router_interface`,
  policy: "add_router_interface",
  body: interfaceBody,
  success: 200,
  summary: "Connects a subnet to the router at the subnet's gateway address.",
  async handle({ context, params, body }, { store }) {
    return store.transaction(async (tx) => {
      const router = await getRouter(tx, context, params["router_id"]!);
      const on = await placeOf(tx, context, body);
      return interfaceView(router, await addInterface(tx, router, on), on.subnet);
    });
  },
});

const take = route({
  method: "PUT",
  path: `${one}/remove_router_interface`,
  policy: "remove_router_interface",
  body: interfaceBody,
  success: 200,
  summary: "Takes a subnet from the router.",
  async handle({ context, params, body }, { store }) {
    return store.transaction(async (tx) => {
      const router = await getRouter(tx, context, params["router_id"]!);
      const { subnet } = await placeOf(tx, context, body);
      return interfaceView(router, await removeInterface(tx, router, subnet), subnet);
    });
  },
});

export const routerRoutes = [list, show, create, update, remove, add, take];

interface Gateway {
  readonly gateway_network_id?: string | null;
  readonly enable_snat?: boolean;
}

function gatewayOf({ external_gateway_info: info }: Static<typeof updateBody>["router"]): Gateway {
  if (info === undefined) return {};
  if (info === null) return { gateway_network_id: null };
  if (info.network_id === undefined) {
    throw errors.badRequest(
      "Invalid input for external_gateway_info. Reason: Validation of dictionary's keys failed. Expected keys: {'network_id'}.",
    );
  }
  return { gateway_network_id: info.network_id, ...given({ enable_snat: info.enable_snat }) };
}

/** The subnet, named by itself or by the port that is an interface on it. */
async function placeOf(
  tx: Tx,
  context: ApiContext,
  { subnet_id, port_id }: Static<typeof interfaceBody>,
): Promise<{ readonly network: Network; readonly subnet: Subnet }> {
  if ((subnet_id === undefined) === (port_id === undefined)) {
    throw errors.badRouterRequest("Either subnet_id or port_id must be specified");
  }
  const id = subnet_id ?? (await subnetOfPort(tx, port_id!));
  const subnet = await tx.selectFrom("subnets").selectAll().where("id", "=", id).executeTakeFirst();
  if (subnet === undefined) throw errors.subnetNotFound(id);
  return { subnet, network: await getNetwork(tx, context, subnet.network_id) };
}

async function subnetOfPort(tx: Tx, portId: string): Promise<string> {
  const row = await tx
    .selectFrom("ip_allocations")
    .select("subnet_id")
    .where("port_id", "=", portId)
    .executeTakeFirst();
  if (row === undefined) throw errors.portNotFound(portId);
  return row.subnet_id;
}

function interfaceView(router: Router, port: Port, subnet: Subnet) {
  return {
    id: router.id,
    project_id: router.project_id,
    tenant_id: router.project_id,
    port_id: port.id,
    network_id: port.network_id,
    subnet_id: subnet.id,
    subnet_ids: [subnet.id],
    tags: [],
  };
}
