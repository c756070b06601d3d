// Restarts the guest: softly, as the guest's own reboot would, or hard, from any state, with its ports
// plugged again.
import { portSpecsOf } from "../interfaces.ts";
import { simpleAction } from "./simple-action.ts";

export const serverReboot = simpleAction("server-reboot", "reboot", (worker, { serverId }) =>
  worker.reboot({ serverId, kind: "soft", ports: [] }),
);

export const serverHardReboot = simpleAction(
  "server-hard-reboot",
  "hardReboot",
  async (worker, { serverId }, { store }) =>
    worker.reboot({ serverId, kind: "hard", ports: await portSpecsOf(store.read, serverId) }),
);
