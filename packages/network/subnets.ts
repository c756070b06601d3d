// Subnets: the ranges of addresses on a network, and who has which address. Nothing here overlaps: the host
// routes to all networks from one table, as Neutron with `allow_overlapping_ips` off.
import type { Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import { formatIpv4, formatPrefix, type Ipv4Range, parsePrefix } from "./addresses/ipv4.ts";
import { errors } from "./errors.ts";
import { checkGateway, type Pool, poolsOf } from "./pools.ts";
import { checkQuota } from "./quotas.ts";
import { addServicePort } from "./service-ports.ts";
import { flag, newRow } from "./standard.ts";
import type { Subnet } from "./tables.ts";

export interface NewSubnet {
  readonly id?: Uuid;
  readonly network_id: Uuid;
  readonly project_id: string;
  readonly name?: string;
  readonly description?: string;
  readonly cidr: string;
  /** Absent takes the first address, null has none. */
  readonly gateway_ip?: string | null;
  readonly enable_dhcp?: boolean;
  readonly allocation_pools?: readonly Pool[];
  readonly dns_nameservers?: readonly string[];
  readonly host_routes?: readonly { readonly destination: string; readonly nexthop: string }[];
}

// A network's own address, its broadcast, a gateway and one guest.
const prefixLengthMax = 30;

export async function createSubnet(tx: Tx, wanted: NewSubnet): Promise<Subnet> {
  const prefix = parsePrefix(wanted.cidr);
  if (prefix === null) throw errors.badRequest(notASubnet(wanted.cidr));
  if (prefix.length > prefixLengthMax) {
    throw errors.invalidInput(`The subnet ${wanted.cidr} is too small: no guest fits`);
  }
  const clash = await overlapping(tx, prefix);
  if (clash !== null) {
    throw errors.invalidInput(
      `Requested subnet with cidr: ${wanted.cidr} for network: ${wanted.network_id} overlaps with another subnet`,
    );
  }
  const gateway = wanted.gateway_ip === undefined ? formatIpv4(prefix.first + 1) : wanted.gateway_ip;
  checkGateway(gateway, prefix);
  const pools = poolsOf(wanted.allocation_pools ?? null, prefix, gateway);
  const subnet = await tx
    .insertInto("subnets")
    .values({
      ...newRow(tx, wanted),
      network_id: wanted.network_id,
      ip_version: 4,
      cidr: formatPrefix(prefix),
      first_address: prefix.first,
      last_address: prefix.last,
      gateway_ip: gateway,
      enable_dhcp: flag(wanted.enable_dhcp ?? true),
      allocation_pools: JSON.stringify(pools),
      dns_nameservers: JSON.stringify(wanted.dns_nameservers ?? []),
      host_routes: JSON.stringify(wanted.host_routes ?? []),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await checkQuota(tx, wanted.project_id, "subnet");
  await ensureService(tx, subnet);
  return subnet;
}

const notASubnet = (cidr: string) => `Invalid input for cidr. Reason: '${cidr}' is not a valid IP subnet.`;

async function overlapping(tx: Tx, range: Ipv4Range): Promise<Uuid | null> {
  const row = await tx
    .selectFrom("subnets")
    .select("id")
    .where("first_address", "<=", range.last)
    .where("last_address", ">=", range.first)
    .executeTakeFirst();
  return row?.id ?? null;
}

/** DHCP and metadata need an address of the host on the network: the gateway's, else one of the pool. */
async function ensureService(tx: Tx, subnet: Subnet): Promise<void> {
  if (subnet.gateway_ip === null && subnet.enable_dhcp === 1) await addServicePort(tx, subnet);
}

export type SubnetChange = Partial<
  Pick<
    Subnet,
    | "name"
    | "description"
    | "gateway_ip"
    | "enable_dhcp"
    | "allocation_pools"
    | "dns_nameservers"
    | "host_routes"
  >
>;

export async function updateSubnet(tx: Tx, id: Uuid, change: SubnetChange): Promise<Subnet> {
  const subnet = await tx
    .updateTable("subnets")
    .set((set) => ({ ...change, updated_at: now(tx), revision_number: set("revision_number", "+", 1) }))
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (subnet === undefined) throw errors.subnetNotFound(id);
  await ensureService(tx, subnet);
  return subnet;
}

/** Refused while a port other than the network's own services has an address of it. */
export async function removeSubnet(tx: Tx, id: Uuid): Promise<void> {
  const holders = await tx
    .selectFrom("ip_allocations")
    .innerJoin("ports", "ports.id", "ip_allocations.port_id")
    .select(["ports.id", "ports.device_owner"])
    .where("subnet_id", "=", id)
    .execute();
  if (holders.some(({ device_owner }) => device_owner !== "network:dhcp")) throw errors.subnetInUse(id);
  await tx.deleteFrom("ip_allocations").where("subnet_id", "=", id).execute();
  for (const { id: portId } of holders) await tx.deleteFrom("ports").where("id", "=", portId).execute();
  const removed = await tx.deleteFrom("subnets").where("id", "=", id).returning("id").executeTakeFirst();
  if (removed === undefined) throw errors.subnetNotFound(id);
}
