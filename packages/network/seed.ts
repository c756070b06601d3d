// What a fresh cloud has: the shared network `private` with addresses, the external network `public`, and the
// router between them, behind which servers reach the outside at the host's address. Safe to repeat.
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { formatIpv4, parsePrefix } from "./addresses/ipv4.ts";
import { createNetwork } from "./networks.ts";
import { addInterface, createRouter } from "./routers.ts";
import { insertRule } from "./security-group-rules.ts";
import { ensureDefaultGroup } from "./security-groups.ts";
import { createSubnet } from "./subnets.ts";

export interface NetworkSeed {
  readonly adminProjectId: string;
  readonly demoProjectId: string;
  readonly cidr?: string;
}

export const defaultCidr = "192.168.233.0/24";
// QEMU's user networking keeps the first few addresses of its range for itself.
const firstGuest = 10;

export async function seedNetwork(tx: Tx, seed: NetworkSeed): Promise<void> {
  const known = await tx.selectFrom("networks").select("id").where("name", "=", "private").executeTakeFirst();
  if (known !== undefined) return;
  const project_id = seed.adminProjectId;
  const inside = await createNetwork(tx, { project_id, name: "private", shared: true });
  const outside = await createNetwork(tx, {
    project_id,
    name: "public",
    is_external: true,
    is_default: true,
  });
  const cidr = seed.cidr ?? defaultCidr;
  const prefix = parsePrefix(cidr);
  const isRoomy = prefix !== null && prefix.last - prefix.first > 2 * firstGuest;
  const subnet = await createSubnet(tx, {
    network_id: inside.id,
    project_id,
    name: "private-subnet",
    cidr,
    ...(isRoomy
      ? {
          allocation_pools: [
            { start: formatIpv4(prefix.first + firstGuest), end: formatIpv4(prefix.last - 1) },
          ],
        }
      : {}),
  });
  const router = await createRouter(tx, { project_id, name: "router1", gateway_network_id: outside.id });
  await addInterface(tx, router, { network: inside, subnet });
  for (const id of [seed.adminProjectId, seed.demoProjectId]) await openDefaultGroup(tx, id);
}

/** So that the first server can be reached. Projects made later have Neutron's closed default group. */
async function openDefaultGroup(tx: Tx, projectId: string): Promise<void> {
  const security_group_id: Uuid = await ensureDefaultGroup(tx, projectId);
  const rule = { security_group_id, project_id: projectId, direction: "ingress", ethertype: "IPv4" } as const;
  const ssh = { protocol: "tcp", port_range_min: 22, port_range_max: 22 };
  await insertRule(tx, { ...rule, ...ssh, description: "SSH, allowed by the quick start" });
  await insertRule(tx, { ...rule, protocol: "icmp", description: "Ping, allowed by the quick start" });
}
