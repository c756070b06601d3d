// The guest's serial console, read from its host.
import type { RequestContext, Uuid } from "@micronova/kit";
import type { ComputeDeps } from "./deps.ts";
import { errors } from "./errors.ts";
import { getServer } from "./servers.ts";
import { computeWorkerContract } from "./worker/contract.ts";

/** The last `lines`, or all that is kept. */
export async function consoleOutput(
  { store, rpc }: ComputeDeps,
  context: RequestContext,
  id: Uuid,
  lines: number | null,
): Promise<string> {
  const { host } = await getServer(store.read, context, id);
  if (host === null) throw errors.serverNotReady(id);
  const worker = rpc.on(computeWorkerContract, host, { context });
  const { output } = await worker.consoleOutput({ serverId: id, lines });
  return output;
}
