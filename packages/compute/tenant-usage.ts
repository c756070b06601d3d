// What projects used over a time: for each server the hours it ran in it, and those hours times what its
// flavor gives. A server counts from its launch to its end.
import type { Millis } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import type { FlavorCopy, Server } from "./tables.ts";

export interface Period {
  readonly start: Millis;
  readonly stop: Millis;
}

export interface ServerUsage {
  readonly server: Server;
  readonly flavor: FlavorCopy;
  readonly hours: number;
  readonly uptimeSeconds: number;
  readonly state: string;
}

// What the API calls a server that is gone.
const endedState = "terminated";
// More servers than one answer can hold are not summed in one go: the newest are left out.
const serversMax = 10_000;
const hourMs = 3_600_000;

/** Servers by project, each with its use; null asks for all projects. */
export async function usageOver(tx: Tx, period: Period, projectId: string | null): Promise<ServerUsage[]> {
  let query = tx
    .selectFrom("servers")
    .selectAll()
    .where("launched_at", "is not", null)
    .where("launched_at", "<", period.stop)
    .where((is) => is.or([is("terminated_at", "is", null), is("terminated_at", ">", period.start)]))
    .orderBy("project_id")
    .orderBy("created_at")
    .orderBy("id")
    .limit(serversMax);
  if (projectId !== null) query = query.where("project_id", "=", projectId);
  return (await query.execute()).map((server) => usageIn(server, period, now(tx)));
}

function usageIn(server: Server, { start, stop }: Period, at: Millis): ServerUsage {
  const from = Math.max(server.launched_at ?? stop, start);
  const to = Math.min(server.terminated_at ?? stop, stop);
  const upMs = (server.terminated_at ?? at) - (server.launched_at ?? at);
  return {
    server,
    // Written by this package alone.
    flavor: JSON.parse(server.flavor) as FlavorCopy,
    hours: Math.max(0, to - from) / hourMs,
    uptimeSeconds: Math.floor(upMs / 1000),
    state: server.terminated_at === null ? server.vm_state : endedState,
  };
}
