// Starts a stopped server on its host. Its ports are plugged again first: the host may have been restarted
// meanwhile.
import { portSpecsOf } from "../interfaces.ts";
import { simpleAction } from "./simple-action.ts";

export const serverStart = simpleAction("server-start", "start", async (worker, { serverId }, { store }) =>
  worker.power({ serverId, on: true, graceMs: 0, ports: await portSpecsOf(store.read, serverId) }),
);
