// Starts a stopped server on its host. Its ports are plugged and its volumes exported again first: the host
// may have been restarted meanwhile.
import { portSpecsOf } from "../interfaces.ts";
import { exportVolumes } from "../server-volumes.ts";
import { simpleAction } from "./simple-action.ts";

export const serverStart = simpleAction("server-start", "start", async (worker, params, env) => {
  const { serverId, host } = params;
  await exportVolumes(env, serverId, host);
  const ports = await portSpecsOf(env.store.read, serverId);
  await worker.power({ serverId, on: true, graceMs: 0, ports });
});
