// Writes the guest's memory to disk and ends it.
import { simpleAction } from "./simple-action.ts";

export const serverSuspend = simpleAction("server-suspend", "suspend", (worker, { serverId }) =>
  worker.suspend({ serverId, suspended: true }),
);
