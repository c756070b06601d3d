// Network workers as they reported themselves, and which of them must hear that rules changed.
import type { Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import type { NetworkAgent } from "./tables.ts";

export interface AgentReport {
  readonly host: string;
  readonly driver: string;
  /** Whether the driver enforces security groups. */
  readonly filtering: boolean;
  readonly ports: number;
  readonly tunnelAddress: string | null;
  readonly tunnelFault: string | null;
  /** It asks to be told all again. */
  readonly asks: boolean;
  /** The worker has just begun. */
  readonly isStart: boolean;
}

/** Neutron's `agent_down_time`. */
const downAfterMs = 75_000;

export async function recordAgent(tx: Tx, report: AgentReport): Promise<void> {
  const at = now(tx);
  const { host, driver, ports, tunnelAddress: tunnel_address, tunnelFault: tunnel_fault } = report;
  const filtering = report.filtering ? 1 : 0;
  const started = report.isStart ? { started_at: at } : {};
  const before = await tx
    .selectFrom("network_agents")
    .select("tunnel_address")
    .where("host", "=", host)
    .executeTakeFirst();
  await tx
    .insertInto("network_agents")
    .values({
      id: newId(tx),
      host,
      driver,
      filtering,
      admin_state_up: 1,
      ports,
      rules_wanted: 1,
      rules_applied: 0,
      tunnel_address,
      tunnel_fault,
      created_at: at,
      started_at: at,
      heartbeat_at: at,
    })
    .onConflict((conflict) =>
      conflict.column("host").doUpdateSet({
        ...{ driver, filtering, ports, tunnel_address, tunnel_fault, heartbeat_at: at },
        ...started,
      }),
    )
    .execute();
  // Others send to it, and take from it, at its new address.
  if ((before?.tunnel_address ?? null) !== tunnel_address) await rulesChanged(tx);
  else if (report.asks) await rulesChanged(tx, host);
}

export function isAlive(agent: NetworkAgent, at: number): boolean {
  return at - agent.heartbeat_at <= downAfterMs;
}

export function listAgents(tx: Tx): Promise<readonly NetworkAgent[]> {
  return tx.selectFrom("network_agents").selectAll().orderBy("host").execute();
}

export async function getAgent(tx: Tx, id: Uuid): Promise<NetworkAgent> {
  const agent = await tx.selectFrom("network_agents").selectAll().where("id", "=", id).executeTakeFirst();
  if (agent === undefined) throw errors.agentNotFound(id);
  return agent;
}

// Guests behind QEMU's user networking reach no address of the host's.
const driverWithoutMetadata = "user";

/** Whether guests on the host cannot ask for metadata over the network. One not known yet may be such. */
export async function lacksMetadata(tx: Tx, host: string): Promise<boolean> {
  const agent = await tx
    .selectFrom("network_agents")
    .select("driver")
    .where("host", "=", host)
    .executeTakeFirst();
  return agent === undefined || agent.driver === driverWithoutMetadata;
}

/**
 * Something changed that ports' rules or the ways between hosts may depend on; each filtering host is told
 * soon, or the one that is named.
 */
export async function rulesChanged(tx: Tx, host?: string): Promise<void> {
  const all = tx
    .updateTable("network_agents")
    .set((set) => ({ rules_wanted: set("rules_wanted", "+", 1) }))
    .where("filtering", "=", 1);
  await (host === undefined ? all : all.where("host", "=", host)).execute();
}

/** Hosts that have not been told of the newest change. */
export function staleAgents(tx: Tx): Promise<readonly NetworkAgent[]> {
  return tx
    .selectFrom("network_agents")
    .selectAll()
    .where("filtering", "=", 1)
    .whereRef("rules_applied", "<", "rules_wanted")
    .execute();
}

export async function rulesApplied(tx: Tx, host: string, upTo: number): Promise<void> {
  await tx
    .updateTable("network_agents")
    .set({ rules_applied: upTo })
    .where("host", "=", host)
    .where("rules_applied", "<", upTo)
    .execute();
}
