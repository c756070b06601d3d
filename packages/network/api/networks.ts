// /v2.0/networks
import { type ApiContext, routesOf, type Static, Type } from "@micronova/http";
import type { Tx } from "@micronova/store";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import {
  createNetwork,
  getNetwork,
  isNetworkType,
  ownedNetwork,
  removeNetwork,
  segmentationIdMax,
  updateNetwork,
  visibleNetworks,
} from "../networks.ts";
import type { Network } from "../tables.ts";
import {
  checkRevision,
  demandAdmin,
  flagOf,
  given,
  optionalBoolean,
  optionalText,
  projectOf,
  projectProperties,
} from "./common.ts";
import { type Item, listOf, shown } from "./listing.ts";
import { networkView } from "./views.ts";

const route = routesOf<NetworkDeps>();
const collection = "/v2.0/networks";
const one = `${collection}/:network_id`;

// Ethernet's smallest packet of IPv4, and what fits a jumbo frame.
const [mtuMin, mtuMax] = [68, 9216];
/** The client sends numbers as text, as Neutron lets it. */
const digits = Type.String({ pattern: "^[0-9]{1,4}$" });
const manyDigits = Type.String({ pattern: "^[0-9]{1,8}$" });
const common = {
  name: optionalText,
  description: optionalText,
  admin_state_up: optionalBoolean,
  shared: optionalBoolean,
  "router:external": optionalBoolean,
  is_default: optionalBoolean,
  mtu: Type.Optional(Type.Union([Type.Integer({ minimum: mtuMin, maximum: mtuMax }), digits])),
  port_security_enabled: optionalBoolean,
  dns_domain: optionalText,
};
const createBody = Type.Object({
  network: Type.Object(
    {
      ...common,
      ...projectProperties,
      availability_zone_hints: Type.Optional(Type.Array(Type.String(), { maxItems: 10 })),
      "provider:network_type": optionalText,
      "provider:physical_network": Type.Optional(Type.Union([Type.String(), Type.Null()])),
      "provider:segmentation_id": Type.Optional(Type.Union([Type.Integer(), manyDigits, Type.Null()])),
    },
    { additionalProperties: false },
  ),
});
const updateBody = Type.Object({ network: Type.Object(common, { additionalProperties: false }) });

const adminKeys = [
  "shared",
  "router:external",
  "is_default",
  "provider:network_type",
  "provider:physical_network",
  "provider:segmentation_id",
];

const list = route({
  method: "GET",
  path: collection,
  policy: "get_network",
  success: 200,
  summary: "Lists networks: the project's own, shared and external ones.",
  async handle(request, { store }) {
    const rows = await visibleNetworks(store.read, request.context).execute();
    return listOf(request, "networks", await viewsOf(store.read, request.context, rows));
  },
});

const show = route({
  method: "GET",
  path: one,
  policy: "get_network",
  success: 200,
  summary: "Shows a network.",
  async handle(request, { store }) {
    const network = await getNetwork(store.read, request.context, request.params["network_id"]!);
    const [view] = await viewsOf(store.read, request.context, [network]);
    return shown(request, "network", view!);
  },
});

const create = route({
  method: "POST",
  path: collection,
  policy: "create_network",
  body: createBody,
  success: 201,
  summary: "Makes a network; its bridge appears with its first port.",
  async handle({ context, body }, { store }) {
    const wanted = body.network;
    demandAdmin(context, wanted, "create_network", adminKeys);
    return store.transaction(async (tx) => {
      const network = await createNetwork(tx, newNetwork(context, wanted));
      return { network: networkView(network, [], context) };
    });
  },
});

const update = route({
  method: "PUT",
  path: one,
  policy: "update_network",
  body: updateBody,
  success: 200,
  summary: "Changes a network.",
  async handle({ context, params, body, headers }, { store }) {
    demandAdmin(context, body.network, "update_network", adminKeys);
    return store.transaction(async (tx) => {
      const before = await ownedNetwork(tx, context, params["network_id"]!, "update_network");
      checkRevision(headers, before);
      await checkSharing(tx, before, body.network.shared);
      const network = await updateNetwork(tx, before.id, columnsOf(body.network));
      return { network: (await viewsOf(tx, context, [network]))[0] };
    });
  },
});

const remove = route({
  method: "DELETE",
  path: one,
  policy: "delete_network",
  success: 204,
  summary: "Removes a network without ports, with its subnets.",
  async handle({ context, params, headers }, { store }) {
    await store.transaction(async (tx) => {
      const network = await ownedNetwork(tx, context, params["network_id"]!, "delete_network");
      checkRevision(headers, network);
      await removeNetwork(tx, network.id);
    });
  },
});

export const networkRoutes = [list, show, create, update, remove];

async function viewsOf(tx: Tx, context: ApiContext, rows: readonly Network[]): Promise<readonly Item[]> {
  if (rows.length === 0) return [];
  const subnets = await tx
    .selectFrom("subnets")
    .select(["id", "network_id"])
    .where(
      "network_id",
      "in",
      rows.map(({ id }) => id),
    )
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  const byNetwork = Map.groupBy(subnets, ({ network_id }) => network_id);
  return rows.map((network) => {
    const ids = (byNetwork.get(network.id) ?? []).map(({ id }) => id);
    return networkView(network, ids, context);
  });
}

type CreateBody = Static<typeof createBody>["network"];
type UpdateBody = Static<typeof updateBody>["network"];

function newNetwork(context: ApiContext, wanted: CreateBody) {
  const {
    name = "",
    description,
    admin_state_up,
    shared,
    is_default,
    mtu,
    port_security_enabled,
    dns_domain,
  } = wanted;
  return {
    project_id: projectOf(context, wanted),
    name,
    ...given({ description, admin_state_up, shared, is_default, port_security_enabled, dns_domain }),
    ...given({ mtu: mtuOf(mtu), ...providerOf(wanted) }),
    is_external: wanted["router:external"] ?? false,
  };
}

/** A network that asks for what no host makes is refused instead of made otherwise. */
function providerOf(wanted: CreateBody) {
  const type = wanted["provider:network_type"];
  if (type !== undefined && !isNetworkType(type)) {
    throw errors.notSupported(`The network type ${type}`);
  }
  const segment = wanted["provider:segmentation_id"] ?? undefined;
  const segmentation_id = segment === undefined ? undefined : Number(segment);
  if ((wanted["provider:physical_network"] ?? null) !== null) {
    throw errors.invalidInput(`provider:physical_network specified for ${type ?? "vxlan"} network`);
  }
  if (segmentation_id === undefined) return { type };
  if (type !== "vxlan") throw errors.invalidInput("provider:segmentation_id specified for no vxlan network");
  if (segmentation_id < 1 || segmentation_id > segmentationIdMax) {
    throw errors.invalidInput(
      `provider:segmentation_id out of range (1 through ${segmentationIdMax}) for vxlan network`,
    );
  }
  return { type, segmentation_id };
}

function mtuOf(value: number | string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const mtu = Number(value);
  const why =
    mtu < mtuMin
      ? `too small - must be at least '${mtuMin}'`
      : `too large - must be no larger than '${mtuMax}'`;
  if (mtu < mtuMin || mtu > mtuMax)
    throw errors.badRequest(`Invalid input for mtu. Reason: '${value}' is ${why}.`);
  return mtu;
}

function columnsOf(wanted: UpdateBody) {
  const { name, description, mtu, dns_domain } = wanted;
  return given({
    name,
    description,
    mtu: mtuOf(mtu),
    dns_domain,
    admin_state_up: flagOf(wanted.admin_state_up),
    shared: flagOf(wanted.shared),
    is_external: flagOf(wanted["router:external"]),
    port_security_enabled: flagOf(wanted.port_security_enabled),
  });
}

/** A network on which others have ports stays shared. */
async function checkSharing(tx: Tx, network: Network, shared: boolean | undefined): Promise<void> {
  if (shared !== false || network.shared === 0) return;
  const other = await tx
    .selectFrom("ports")
    .select("id")
    .where("network_id", "=", network.id)
    .where("project_id", "!=", network.project_id)
    .executeTakeFirst();
  if (other !== undefined) throw errors.invalidShared(network.name);
}
