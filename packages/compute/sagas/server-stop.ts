// Shuts the guest down: asked first, ended when it does not listen.
import { simpleAction } from "./simple-action.ts";

/** Nova's `shutdown_timeout`: how long a guest may take to shut down by itself. */
const shutdownGraceMs = 60_000;

export const serverStop = simpleAction("server-stop", "stop", (worker, { serverId }) =>
  worker.power({ serverId, on: false, graceMs: shutdownGraceMs, ports: [] }),
);
