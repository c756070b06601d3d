// Halts the guest's CPUs; its memory stays.
import { simpleAction } from "./simple-action.ts";

export const serverPause = simpleAction("server-pause", "pause", (worker, { serverId }) =>
  worker.pause({ serverId, paused: true }),
);
