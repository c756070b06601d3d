// Lets a paused guest go on.
import { simpleAction } from "./simple-action.ts";

export const serverUnpause = simpleAction("server-unpause", "unpause", (worker, { serverId }) =>
  worker.pause({ serverId, paused: false }),
);
