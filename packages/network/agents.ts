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
  /** The worker has just begun. */
  readonly isStart: boolean;
}

/** Neutron's `agent_down_time`. */
const downAfterMs = 75_000;

export async function recordAgent(tx: Tx, report: AgentReport): Promise<void> {
  const at = now(tx);
  const { host, driver, ports } = report;
  const filtering = report.filtering ? 1 : 0;
  const started = report.isStart ? { started_at: at } : {};
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
      created_at: at,
      started_at: at,
      heartbeat_at: at,
    })
    .onConflict((conflict) =>
      conflict.column("host").doUpdateSet({ driver, filtering, ports, heartbeat_at: at, ...started }),
    )
    .execute();
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

/** Something changed that ports' rules may depend on; each filtering host is told soon. */
export async function rulesChanged(tx: Tx): Promise<void> {
  await tx
    .updateTable("network_agents")
    .set((set) => ({ rules_wanted: set("rules_wanted", "+", 1) }))
    .where("filtering", "=", 1)
    .execute();
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
