// Who has which address. The unique index decides; nothing is read first that another could change meanwhile.
import type { Uuid } from "@micronova/kit";
import { sql, type Tx } from "@micronova/store";
import { contains, formatIpv4, type Ipv4Range, parseIpv4 } from "./addresses/ipv4.ts";
import { errors } from "./errors.ts";
import { poolRanges } from "./pools.ts";
import type { Subnet } from "./tables.ts";

/** As Neutron's `fixed_ips` asks: a subnet, an address, or both. */
export interface WantedAddress {
  readonly subnet_id?: Uuid | undefined;
  readonly ip_address?: string | undefined;
}

/**
 * Gives the port what it asks for; without a wish, one address of the network's first subnet that has one
 * left.
 */
export async function allocate(
  tx: Tx,
  port: { readonly id: Uuid; readonly network_id: Uuid },
  wanted: readonly WantedAddress[] | null,
): Promise<void> {
  const subnets = await tx
    .selectFrom("subnets")
    .selectAll()
    .where("network_id", "=", port.network_id)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  if (wanted === null) {
    if (subnets.length > 0) await allocateAny(tx, port, subnets);
    return;
  }
  for (const [position, one] of wanted.entries()) {
    const subnet = subnetFor(port.network_id, subnets, one);
    if (one.ip_address === undefined) await allocateAny(tx, port, [subnet], position);
    else await allocateOne(tx, port, subnet, one.ip_address, position);
  }
}

export async function release(tx: Tx, portId: Uuid): Promise<void> {
  await tx.deleteFrom("ip_allocations").where("port_id", "=", portId).execute();
}

function subnetFor(networkId: Uuid, subnets: readonly Subnet[], wanted: WantedAddress): Subnet {
  const { subnet_id, ip_address } = wanted;
  if (subnet_id === undefined && ip_address === undefined) {
    throw errors.badRequest(
      "Invalid input for fixed_ips. Reason: IP allocation requires subnet_id or ip_address.",
    );
  }
  const address = ip_address === undefined ? null : parseIpv4(ip_address);
  if (ip_address !== undefined && address === null) {
    throw errors.badRequest(
      `Invalid input for fixed_ips. Reason: '${ip_address}' is not a valid IP address.`,
    );
  }
  if (subnet_id === undefined) {
    const found = subnets.find((subnet) => holds(subnet, address!));
    if (found === undefined) throw errors.addressNotOnNetwork(ip_address!);
    return found;
  }
  const named = subnets.find(({ id }) => id === subnet_id);
  if (named === undefined) throw errors.subnetNotOnNetwork(subnet_id, networkId);
  if (address !== null && !holds(named, address)) throw errors.addressNotOnSubnet(ip_address!);
  return named;
}

const holds = ({ first_address, last_address }: Subnet, address: number) =>
  first_address < address && address < last_address;

async function allocateOne(
  tx: Tx,
  port: { readonly id: Uuid; readonly network_id: Uuid },
  subnet: Subnet,
  ipAddress: string,
  position: number,
): Promise<void> {
  if (!(await take(tx, port, subnet, parseIpv4(ipAddress)!, position))) {
    throw errors.addressAllocated(ipAddress, subnet.id);
  }
}

async function allocateAny(
  tx: Tx,
  port: { readonly id: Uuid; readonly network_id: Uuid },
  subnets: readonly Subnet[],
  position = 0,
): Promise<void> {
  for (const subnet of subnets) {
    for (const range of poolRanges(subnet)) {
      for (;;) {
        const address = await nextFree(tx, subnet.id, range);
        if (address === null) break;
        // Taken meanwhile by another transaction: ask for the next.
        if (await take(tx, port, subnet, address, position)) return;
      }
    }
  }
  throw errors.noMoreAddresses(port.network_id);
}

async function take(
  tx: Tx,
  port: { readonly id: Uuid; readonly network_id: Uuid },
  subnet: Subnet,
  address: number,
  position: number,
): Promise<boolean> {
  const taken = await tx
    .insertInto("ip_allocations")
    .values({
      port_id: port.id,
      network_id: port.network_id,
      subnet_id: subnet.id,
      ip_address: formatIpv4(address),
      address,
      position,
    })
    .onConflict((conflict) => conflict.columns(["subnet_id", "address"]).doNothing())
    .returning("address")
    .executeTakeFirst();
  return taken !== undefined;
}

/**
 * The address after the highest one taken, which leaves freed ones alone for a while; at the end, the first
 * gap.
 */
async function nextFree(tx: Tx, subnetId: Uuid, range: Ipv4Range): Promise<number | null> {
  const within = tx
    .selectFrom("ip_allocations as taken")
    .where("taken.subnet_id", "=", subnetId)
    .where("taken.address", ">=", range.first)
    .where("taken.address", "<=", range.last);
  const highest = await within
    .select("taken.address")
    .orderBy("taken.address", "desc")
    .limit(1)
    .executeTakeFirst();
  if (highest === undefined) return range.first;
  if (highest.address < range.last) return highest.address + 1;
  const first = await within
    .select("taken.address")
    .where("taken.address", "=", range.first)
    .executeTakeFirst();
  if (first === undefined) return range.first;
  const beforeGap = await within
    .select("taken.address")
    .where((is) =>
      is.not(
        is.exists(
          is
            .selectFrom("ip_allocations as next")
            .select("next.address")
            .whereRef("next.subnet_id", "=", "taken.subnet_id")
            .where("next.address", "=", sql<number>`taken.address + 1`),
        ),
      ),
    )
    .orderBy("taken.address")
    .limit(1)
    .executeTakeFirst();
  const free = beforeGap === undefined ? null : beforeGap.address + 1;
  return free !== null && contains(range, free) ? free : null;
}
