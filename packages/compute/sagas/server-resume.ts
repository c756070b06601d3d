// Brings a suspended guest back with its memory.
import { simpleAction } from "./simple-action.ts";

export const serverResume = simpleAction("server-resume", "resume", (worker, { serverId }) =>
  worker.suspend({ serverId, suspended: false }),
);
