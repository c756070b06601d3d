// /v2.0/network-ip-availabilities: how many addresses are taken.
import { type ApiContext, routesOf } from "@micronova/http";
import type { Tx } from "@micronova/store";
import { hostRange, parsePrefix } from "../addresses/ipv4.ts";
import type { NetworkDeps } from "../deps.ts";
import { getNetwork } from "../networks.ts";
import { poolRanges } from "../pools.ts";
import type { Network, Subnet } from "../tables.ts";
import { type Item, listOf, shown } from "./listing.ts";

const route = routesOf<NetworkDeps>();
const collection = "/v2.0/network-ip-availabilities";

const list = route({
  method: "GET",
  path: collection,
  policy: "get_network_ip_availability",
  success: 200,
  summary: "Lists how many addresses of each network are taken.",
  async handle(request, { store }) {
    const networks = await store.read.selectFrom("networks").selectAll().orderBy("created_at").execute();
    return listOf(request, "network_ip_availabilities", await viewsOf(store.read, networks));
  },
});

const show = route({
  method: "GET",
  path: `${collection}/:network_id`,
  policy: "get_network_ip_availability",
  success: 200,
  summary: "Shows how many addresses of a network are taken.",
  async handle(request, { store }) {
    const context: ApiContext = request.context;
    const network = await getNetwork(store.read, context, request.params["network_id"]!);
    return shown(request, "network_ip_availability", (await viewsOf(store.read, [network]))[0]!);
  },
});

export const ipAvailabilityRoutes = [list, show];

async function viewsOf(tx: Tx, networks: readonly Network[]): Promise<readonly Item[]> {
  const subnets = await tx.selectFrom("subnets").selectAll().orderBy("created_at").execute();
  const counts = await tx
    .selectFrom("ip_allocations")
    .select((select) => ["subnet_id", select.fn.countAll<number>().as("used")])
    .groupBy("subnet_id")
    .execute();
  const usedOf = new Map(counts.map(({ subnet_id, used }) => [subnet_id, Number(used)]));
  return networks.map((network) => {
    const own = subnets.filter(({ network_id }) => network_id === network.id);
    const parts = own.map((subnet) => subnetPart(subnet, usedOf.get(subnet.id) ?? 0));
    return {
      network_id: network.id,
      network_name: network.name,
      project_id: network.project_id,
      tenant_id: network.project_id,
      subnet_ip_availability: parts,
      total_ips: parts.reduce((sum, part) => sum + part.total_ips, 0),
      used_ips: parts.reduce((sum, part) => sum + part.used_ips, 0),
    };
  });
}

function subnetPart(subnet: Subnet, used: number) {
  const ranges = poolRanges(subnet);
  const counted = ranges.length > 0 ? ranges : [hostRange(parsePrefix(subnet.cidr)!)];
  return {
    subnet_id: subnet.id,
    subnet_name: subnet.name,
    cidr: subnet.cidr,
    ip_version: subnet.ip_version,
    total_ips: counted.reduce((sum, { first, last }) => sum + last - first + 1, 0),
    used_ips: used,
  };
}
