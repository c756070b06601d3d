// Rules of security groups: checked as Neutron checks them, and never changed once they are there.
import type { RequestContext, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { formatPrefix, parsePrefix } from "./addresses/ipv4.ts";
import { rulesChanged } from "./agents.ts";
import { errors } from "./errors.ts";
import { checkQuota } from "./quotas.ts";
import type { SecurityGroupRule } from "./tables.ts";

export interface NewRule {
  readonly security_group_id: Uuid;
  readonly project_id: string;
  readonly direction: "ingress" | "egress";
  readonly ethertype?: "IPv4" | "IPv6";
  readonly protocol?: string | null;
  readonly port_range_min?: number | null;
  readonly port_range_max?: number | null;
  readonly remote_ip_prefix?: string | null;
  readonly remote_group_id?: Uuid | null;
  readonly description?: string;
}

const namedProtocols = new Set(
  "ah dccp egp esp gre icmp icmpv6 igmp ipip ipv6-encap ipv6-frag ipv6-icmp ipv6-nonxt ipv6-opts ipv6-route ospf pgm rsvp sctp tcp udp udplite vrrp".split(
    " ",
  ),
);
const withPorts = new Set(["tcp", "udp", "sctp", "dccp", "udplite", "6", "17", "132", "33", "136"]);
const icmps = new Set(["icmp", "icmpv6", "ipv6-icmp", "1", "58"]);
const portMax = 65_535;
const icmpMax = 255;

export async function createRule(tx: Tx, wanted: NewRule): Promise<SecurityGroupRule> {
  const rule = normalized(wanted);
  const twin = await sameRule(tx, rule);
  if (twin !== null) throw errors.ruleExists(twin);
  const made = await insertRule(tx, rule);
  await checkQuota(tx, rule.project_id, "security_group_rule");
  await rulesChanged(tx);
  return made;
}

/** For rules that are known to be good. */
export function insertRule(tx: Tx, rule: NewRule): Promise<SecurityGroupRule> {
  const at = now(tx);
  return tx
    .insertInto("security_group_rules")
    .values({
      id: newId(tx),
      project_id: rule.project_id,
      security_group_id: rule.security_group_id,
      direction: rule.direction,
      ethertype: rule.ethertype ?? "IPv4",
      protocol: rule.protocol ?? null,
      port_range_min: rule.port_range_min ?? null,
      port_range_max: rule.port_range_max ?? null,
      remote_ip_prefix: rule.remote_ip_prefix ?? null,
      remote_group_id: rule.remote_group_id ?? null,
      description: rule.description ?? "",
      created_at: at,
      updated_at: at,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** The rule as it is stored; throws what Neutron throws for one that makes no sense. */
function normalized(rule: NewRule): NewRule {
  const protocol = protocolOf(rule.protocol ?? null);
  checkPorts(protocol, rule.port_range_min ?? null, rule.port_range_max ?? null);
  if (rule.remote_ip_prefix && rule.remote_group_id) throw errors.ruleTwoRemotes();
  const ethertype = rule.ethertype ?? "IPv4";
  return {
    ...rule,
    ethertype,
    protocol,
    remote_ip_prefix: prefixOf(rule.remote_ip_prefix ?? null, ethertype),
  };
}

function protocolOf(protocol: string | null): string | null {
  const name = protocol?.toLowerCase() ?? null;
  if (name === null || name === "any" || name === "" || name === "-1") return null;
  const isNumber = /^\d{1,3}$/.test(name) && Number(name) <= 255;
  if (!isNumber && !namedProtocols.has(name)) throw errors.ruleProtocol(name);
  // Zero is IPv6's hop-by-hop header, which Neutron takes for any protocol.
  return name === "0" ? null : name;
}

function checkPorts(protocol: string | null, min: number | null, max: number | null): void {
  if (min === null && max === null) return;
  if (protocol === null) throw errors.ruleNeedsProtocol();
  if (icmps.has(protocol)) {
    if (min !== null && (min < 0 || min > icmpMax)) throw errors.ruleIcmpValue("type", "port_range_min", min);
    if (max !== null && (max < 0 || max > icmpMax)) throw errors.ruleIcmpValue("code", "port_range_max", max);
    if (min === null) throw errors.ruleIcmpType(max!);
    return;
  }
  if (!withPorts.has(protocol)) throw errors.rulePortsNotAllowed(protocol);
  for (const port of [min, max]) {
    if (port !== null && (port < 0 || port > portMax)) throw errors.rulePortValue(port);
  }
  if (min === null || max === null || min > max) throw errors.rulePortRange();
}

const ipv6Prefix = /^[0-9a-f:.]*:[0-9a-f:.]*(\/\d{1,3})?$/i;

function prefixOf(prefix: string | null, ethertype: string): string | null {
  if (prefix === null || prefix === "") return null;
  const ipv4 = parsePrefix(prefix);
  if (ipv4 === null && !ipv6Prefix.test(prefix)) {
    throw errors.badRequest(
      `Invalid input for remote_ip_prefix. Reason: '${prefix}' is not a valid IP subnet.`,
    );
  }
  if ((ethertype === "IPv4") !== (ipv4 !== null)) throw errors.ruleConflict(ethertype, prefix);
  return ipv4 === null ? prefix.toLowerCase() : formatPrefix(ipv4);
}

async function sameRule(tx: Tx, rule: NewRule): Promise<Uuid | null> {
  const rows = await tx
    .selectFrom("security_group_rules")
    .selectAll()
    .where("security_group_id", "=", rule.security_group_id)
    .where("direction", "=", rule.direction)
    .where("ethertype", "=", rule.ethertype ?? "IPv4")
    .execute();
  const keys = [
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
  ] as const;
  return rows.find((row) => keys.every((key) => row[key] === (rule[key] ?? null)))?.id ?? null;
}

export function visibleRules(tx: Tx, context: RequestContext) {
  const all = tx.selectFrom("security_group_rules").selectAll().orderBy("created_at").orderBy("id");
  return context.isAdmin ? all : all.where("project_id", "=", context.projectId ?? "");
}

export async function getRule(tx: Tx, context: RequestContext, id: Uuid): Promise<SecurityGroupRule> {
  const rule = await visibleRules(tx, context).where("id", "=", id).executeTakeFirst();
  if (rule === undefined) throw errors.ruleNotFound(id);
  return rule;
}

export async function removeRule(tx: Tx, id: Uuid): Promise<void> {
  await tx.deleteFrom("security_group_rules").where("id", "=", id).execute();
  await rulesChanged(tx);
}
