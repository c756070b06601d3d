// /v2.0/subnets
import { type ApiContext, routesOf, type Static, Type } from "@micronova/http";
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { parseIpv4, parsePrefix } from "../addresses/ipv4.ts";
import { rulesChanged } from "../agents.ts";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { ownedNetwork, visibleNetworks } from "../networks.ts";
import { checkGateway, poolsOf } from "../pools.ts";
import { createSubnet, removeSubnet, updateSubnet } from "../subnets.ts";
import type { Subnet } from "../tables.ts";
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
import { type Item, listOf, shown } from "./listing.ts";
import { subnetView } from "./views.ts";

const route = routesOf<NetworkDeps>();
const collection = "/v2.0/subnets";
const one = `${collection}/:subnet_id`;

// Neutron's limits: five name servers, twenty routes.
const nameServersMax = 5;
const routesMax = 20;
const poolsMax = 20;

const textOrNull = Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()]));
const pools = Type.Array(
  Type.Object({ start: Type.String(), end: Type.String() }, { additionalProperties: false }),
  { maxItems: poolsMax },
);
const routes = Type.Array(
  Type.Object({ destination: Type.String(), nexthop: Type.String() }, { additionalProperties: false }),
  { maxItems: routesMax },
);
const common = {
  name: optionalText,
  description: optionalText,
  gateway_ip: textOrNull,
  enable_dhcp: optionalBoolean,
  allocation_pools: Type.Optional(pools),
  dns_nameservers: Type.Optional(Type.Array(Type.String(), { maxItems: nameServersMax })),
  host_routes: Type.Optional(routes),
};
const createBody = Type.Object({
  subnet: Type.Object(
    {
      ...common,
      ...projectProperties,
      network_id: idText,
      ip_version: Type.Union([Type.Literal(4), Type.Literal(6)]),
      cidr: textOrNull,
      subnetpool_id: textOrNull,
      use_default_subnetpool: optionalBoolean,
      prefixlen: Type.Optional(Type.Integer()),
      ipv6_ra_mode: textOrNull,
      ipv6_address_mode: textOrNull,
    },
    { additionalProperties: false },
  ),
});
const updateBody = Type.Object({ subnet: Type.Object(common, { additionalProperties: false }) });

const list = route({
  method: "GET",
  path: collection,
  policy: "get_subnet",
  success: 200,
  summary: "Lists the subnets of the networks that the caller sees.",
  async handle(request, { store }) {
    return listOf(request, "subnets", await visibleViews(store.read, request.context, null));
  },
});

const show = route({
  method: "GET",
  path: one,
  policy: "get_subnet",
  success: 200,
  summary: "Shows a subnet.",
  async handle(request, { store }) {
    const id = request.params["subnet_id"]!;
    const [view] = await visibleViews(store.read, request.context, id);
    if (view === undefined) throw errors.subnetNotFound(id);
    return shown(request, "subnet", view);
  },
});

const create = route({
  method: "POST",
  path: collection,
  policy: "create_subnet",
  body: createBody,
  success: 201,
  summary: "Gives a network a range of addresses.",
  async handle({ context, body }, { store }) {
    const wanted = body.subnet;
    return store.transaction(async (tx) => {
      const network = await ownedNetwork(tx, context, wanted.network_id, "create_subnet");
      const subnet = await createSubnet(tx, newSubnet(context, wanted));
      await rulesChanged(tx);
      return { subnet: subnetView(subnet, network) };
    });
  },
});

const update = route({
  method: "PUT",
  path: one,
  policy: "update_subnet",
  body: updateBody,
  success: 200,
  summary: "Changes a subnet.",
  async handle({ context, params, body, headers }, { store }) {
    return store.transaction(async (tx) => {
      const subnet = await ownedSubnet(tx, context, params["subnet_id"]!, "update_subnet");
      checkRevision(headers, subnet);
      await updateSubnet(tx, subnet.id, await columnsOf(tx, subnet, body.subnet));
      await rulesChanged(tx);
      return { subnet: (await visibleViews(tx, context, subnet.id))[0] };
    });
  },
});

const remove = route({
  method: "DELETE",
  path: one,
  policy: "delete_subnet",
  success: 204,
  summary: "Removes a subnet of which no port has an address.",
  async handle({ context, params, headers }, { store }) {
    await store.transaction(async (tx) => {
      const subnet = await ownedSubnet(tx, context, params["subnet_id"]!, "delete_subnet");
      checkRevision(headers, subnet);
      await removeSubnet(tx, subnet.id);
    });
  },
});

export const subnetRoutes = [list, show, create, update, remove];

async function visibleViews(tx: Tx, context: ApiContext, id: Uuid | null): Promise<readonly Item[]> {
  const networks = await visibleNetworks(tx, context).execute();
  const byId = new Map(networks.map((network) => [network.id, network]));
  const all = tx.selectFrom("subnets").selectAll().orderBy("created_at").orderBy("id");
  const rows = await (id === null ? all : all.where("id", "=", id)).execute();
  return rows.flatMap((subnet) => {
    const network = byId.get(subnet.network_id);
    return network === undefined ? [] : [subnetView(subnet, network)];
  });
}

export async function ownedSubnet(tx: Tx, context: ApiContext, id: Uuid, rule: string): Promise<Subnet> {
  const subnet = await tx.selectFrom("subnets").selectAll().where("id", "=", id).executeTakeFirst();
  if (subnet === undefined || (await visibleViews(tx, context, id)).length === 0)
    throw errors.subnetNotFound(id);
  await ownedNetwork(tx, context, subnet.network_id, rule);
  return subnet;
}

type CreateBody = Static<typeof createBody>["subnet"];

function newSubnet(context: ApiContext, wanted: CreateBody) {
  const isFromPool = wanted.subnetpool_id != null || wanted.use_default_subnetpool === true;
  if (isFromPool || wanted.prefixlen !== undefined)
    throw errors.notSupported("Taking a subnet from a subnet pool");
  if (wanted.ip_version === 6) throw errors.noIpv6();
  if (wanted.cidr == null) {
    throw errors.badRequest("Bad subnets request: a subnetpool must be specified in the absence of a cidr.");
  }
  checkAddresses(wanted);
  const { name, description, gateway_ip, enable_dhcp, allocation_pools, dns_nameservers, host_routes } =
    wanted;
  return {
    network_id: wanted.network_id,
    project_id: projectOf(context, wanted),
    cidr: wanted.cidr,
    ...given({ name, description, gateway_ip, enable_dhcp, allocation_pools, dns_nameservers, host_routes }),
  };
}

/** They become arguments of a program, so nothing but addresses gets through. */
function checkAddresses({
  dns_nameservers = [],
  host_routes = [],
}: Static<typeof updateBody>["subnet"]): void {
  for (const server of dns_nameservers) {
    if (parseIpv4(server) === null) {
      throw errors.badRequest(
        `Invalid input for dns_nameservers. Reason: '${server}' is not a valid nameserver.`,
      );
    }
  }
  for (const { destination, nexthop } of host_routes) {
    if (parsePrefix(destination) === null || parseIpv4(nexthop) === null) {
      throw errors.badRequest(
        `Invalid input for host_routes. Reason: '${destination}' via '${nexthop}' is not a valid route.`,
      );
    }
  }
}

async function columnsOf(tx: Tx, subnet: Subnet, wanted: Static<typeof updateBody>["subnet"]) {
  checkAddresses(wanted);
  const prefix = parsePrefix(subnet.cidr)!;
  const gateway = wanted.gateway_ip === undefined ? subnet.gateway_ip : wanted.gateway_ip;
  checkGateway(gateway, prefix);
  if (gateway !== subnet.gateway_ip) await checkGatewayIsFree(tx, subnet);
  const known: readonly { readonly start: string; readonly end: string }[] = JSON.parse(
    subnet.allocation_pools,
  );
  const allocationPools = poolsOf(wanted.allocation_pools ?? known, prefix, gateway);
  const { name, description, dns_nameservers, host_routes } = wanted;
  return given({
    name,
    description,
    gateway_ip: wanted.gateway_ip,
    enable_dhcp: flagOf(wanted.enable_dhcp),
    allocation_pools: JSON.stringify(allocationPools),
    dns_nameservers: dns_nameservers === undefined ? undefined : JSON.stringify(dns_nameservers),
    host_routes: host_routes === undefined ? undefined : JSON.stringify(host_routes),
  });
}

/** A router's interface has the old gateway's address. */
async function checkGatewayIsFree(tx: Tx, subnet: Subnet): Promise<void> {
  if (subnet.gateway_ip === null) return;
  const holder = await tx
    .selectFrom("ip_allocations")
    .select("port_id")
    .where("subnet_id", "=", subnet.id)
    .where("ip_address", "=", subnet.gateway_ip)
    .executeTakeFirst();
  if (holder !== undefined) throw errors.gatewayInUse(subnet.gateway_ip, holder.port_id);
}
