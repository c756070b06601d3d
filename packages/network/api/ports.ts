// /v2.0/ports
import { type ApiContext, routesOf, type Static, Type } from "@micronova/http";
import type { Tx } from "@micronova/store";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { getNetwork } from "../networks.ts";
import { createPort, getPort, type PortChange, removePort, updatePort, visiblePorts } from "../ports.ts";
import type { Network, Port } from "../tables.ts";
import {
  checkRevision,
  demandAdmin,
  flagOf,
  given,
  idText,
  optionalBoolean,
  optionalText,
  projectOf,
  projectProperties,
} from "./common.ts";
import { type Item, listOf, shown } from "./listing.ts";
import { portView } from "./views.ts";

const route = routesOf<NetworkDeps>();
const collection = "/v2.0/ports";
const one = `${collection}/:port_id`;

// Neutron's `max_fixed_ips_per_port`.
const fixedIpsMax = 5;
const groupsMax = 50;
const macPattern = "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$";

const fixedIps = Type.Array(
  Type.Object(
    { subnet_id: Type.Optional(idText), ip_address: Type.Optional(Type.String({ maxLength: 64 })) },
    { additionalProperties: false },
  ),
  { maxItems: fixedIpsMax },
);
const empty = Type.Array(Type.Unknown(), { maxItems: 0 });
const common = {
  name: optionalText,
  description: optionalText,
  admin_state_up: optionalBoolean,
  mac_address: Type.Optional(Type.String({ pattern: macPattern })),
  fixed_ips: Type.Optional(fixedIps),
  device_id: optionalText,
  device_owner: optionalText,
  security_groups: Type.Optional(Type.Array(idText, { maxItems: groupsMax })),
  port_security_enabled: optionalBoolean,
  "binding:host_id": Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  "binding:profile": Type.Optional(Type.Union([Type.Object({}), Type.Null()])),
  "binding:vnic_type": Type.Optional(Type.Union([Type.Literal("normal")])),
  // Neither is offered; clients that always send an empty one are not refused.
  allowed_address_pairs: Type.Optional(empty),
  extra_dhcp_opts: Type.Optional(empty),
};
const createBody = Type.Object({
  port: Type.Object({ ...common, ...projectProperties, network_id: idText }, { additionalProperties: false }),
});
const updateBody = Type.Object({ port: Type.Object(common, { additionalProperties: false }) });
type UpdateBody = Static<typeof updateBody>["port"];

const bindingKeys = ["binding:host_id", "binding:profile"];

const list = route({
  method: "GET",
  path: collection,
  policy: "get_port",
  success: 200,
  summary: "Lists ports: the project's own, and all on networks of its own.",
  async handle(request, { store }) {
    const rows = await narrowed(visiblePorts(store.read, request.context), request.query).execute();
    return listOf(request, "ports", await viewsOf(store.read, request.context, rows));
  },
});

const show = route({
  method: "GET",
  path: one,
  policy: "get_port",
  success: 200,
  summary: "Shows a port.",
  async handle(request, { store }) {
    const port = await getPort(store.read, request.context, request.params["port_id"]!);
    return shown(request, "port", (await viewsOf(store.read, request.context, [port]))[0]!);
  },
});

const create = route({
  method: "POST",
  path: collection,
  policy: "create_port",
  body: createBody,
  success: 201,
  summary: "Makes a port, with an address and the default security group where nothing else is said.",
  async handle({ context, body }, { store }) {
    const wanted = body.port;
    demandAdmin(context, wanted, "create_port", bindingKeys);
    return store.transaction(async (tx) => {
      const network = await getNetwork(tx, context, wanted.network_id);
      checkOwner(context, network, wanted);
      const port = await createPort(tx, network, newPort(context, network, wanted));
      return { port: (await viewsOf(tx, context, [port]))[0] };
    });
  },
});

const update = route({
  method: "PUT",
  path: one,
  policy: "update_port",
  body: updateBody,
  success: 200,
  summary: "Changes a port.",
  async handle({ context, params, body, headers }, { store }) {
    demandAdmin(context, body.port, "update_port", [...bindingKeys, "mac_address"]);
    return store.transaction(async (tx) => {
      const before = await getPort(tx, context, params["port_id"]!);
      checkRevision(headers, before);
      checkOwner(context, await getNetwork(tx, context, before.network_id), body.port);
      const port = await updatePort(tx, before, changeOf(body.port));
      return { port: (await viewsOf(tx, context, [port]))[0] };
    });
  },
});

const remove = route({
  method: "DELETE",
  path: one,
  policy: "delete_port",
  success: 204,
  summary: "Removes a port.",
  async handle({ context, params, headers }, { store }) {
    await store.transaction(async (tx) => {
      const port = await getPort(tx, context, params["port_id"]!);
      checkRevision(headers, port);
      if (port.device_owner.startsWith("network:"))
        throw errors.portServesNetwork(port.id, port.device_owner);
      await removePort(tx, port.id);
    });
  },
});

export const portRoutes = [list, show, create, update, remove];

const columns = ["id", "device_id", "network_id", "name", "mac_address", "device_owner"] as const;

/**
 * The commonest filters are asked of the store, since ports are many; all of them are held against the views
 * later.
 */
function narrowed(ports: ReturnType<typeof visiblePorts>, query: unknown): ReturnType<typeof visiblePorts> {
  let result = ports;
  for (const column of columns) {
    // A route without a schema has the query as it came.
    const value: unknown = (query as Readonly<Record<string, unknown>>)[column];
    if (typeof value === "string") result = result.where(column, "=", value);
  }
  return result;
}

async function viewsOf(tx: Tx, context: ApiContext, rows: readonly Port[]): Promise<readonly Item[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const addresses = await tx
    .selectFrom("ip_allocations")
    .select(["port_id", "subnet_id", "ip_address"])
    .where("port_id", "in", ids)
    .orderBy("position")
    .execute();
  const groups = await tx
    .selectFrom("port_security_groups")
    .selectAll()
    .where("port_id", "in", ids)
    .execute();
  const addressesOf = Map.groupBy(addresses, ({ port_id }) => port_id);
  const groupsOf = Map.groupBy(groups, ({ port_id }) => port_id);
  return rows.map((port) => {
    const fixedIpsOf = addressesOf.get(port.id) ?? [];
    const parts = {
      fixedIps: fixedIpsOf.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
      groupIds: (groupsOf.get(port.id) ?? []).map(({ security_group_id }) => security_group_id),
    };
    return portView(port, parts, context);
  });
}

/** What could pass for the network's own, or take another's place, is for the network's owner. */
function checkOwner(context: ApiContext, network: Network, wanted: UpdateBody): void {
  if (context.isAdmin || network.project_id === context.projectId) return;
  const guarded = ["mac_address", "port_security_enabled"].find((key) => Object.hasOwn(wanted, key));
  if (guarded !== undefined) throw errors.notAllowed(`create_port:${guarded}`);
  if (wanted.device_owner?.startsWith("network:")) throw errors.notAllowed("create_port:device_owner");
  if (wanted.fixed_ips?.some(({ ip_address }) => ip_address !== undefined)) {
    throw errors.notAllowed("create_port:fixed_ips:ip_address");
  }
  if (network.is_external === 1) throw errors.notAllowed("create_port");
}

function newPort(context: ApiContext, network: Network, wanted: Static<typeof createBody>["port"]) {
  const { name, description, admin_state_up, mac_address, device_id, device_owner, port_security_enabled } =
    wanted;
  return {
    network_id: network.id,
    project_id: projectOf(context, wanted),
    ...given({
      name,
      description,
      admin_state_up,
      mac_address,
      device_id,
      device_owner,
      port_security_enabled,
    }),
    binding_host: wanted["binding:host_id"] || null,
    binding_profile: JSON.stringify(wanted["binding:profile"] ?? {}),
    fixed_ips: wanted.fixed_ips ?? null,
    security_groups: wanted.security_groups ?? null,
  };
}

function changeOf(wanted: UpdateBody): PortChange {
  const { name, description, device_id, device_owner, fixed_ips, security_groups } = wanted;
  const host = wanted["binding:host_id"];
  const profile = wanted["binding:profile"];
  return given({
    name,
    description,
    device_id,
    device_owner,
    fixed_ips,
    security_groups,
    mac_address: wanted.mac_address?.toLowerCase(),
    admin_state_up: flagOf(wanted.admin_state_up),
    port_security_enabled: flagOf(wanted.port_security_enabled),
    binding_host: host === undefined ? undefined : host || null,
    binding_profile: profile === undefined ? undefined : JSON.stringify(profile ?? {}),
  });
}
