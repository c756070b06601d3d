// Restarts the guest: softly, as the guest's own reboot would, or hard, from any state, with its ports
// plugged and its volumes exported again.
import { portSpecsOf } from "../interfaces.ts";
import { exportVolumes } from "../server-volumes.ts";
import { simpleAction } from "./simple-action.ts";

export const serverReboot = simpleAction("server-reboot", "reboot", (worker, { serverId }) =>
  worker.reboot({ serverId, kind: "soft", ports: [] }),
);

export const serverHardReboot = simpleAction(
  "server-hard-reboot",
  "hardReboot",
  async (worker, { serverId, host }, env) => {
    await exportVolumes(env, serverId, host);
    const ports = await portSpecsOf(env.store.read, serverId);
    await worker.reboot({ serverId, kind: "hard", ports });
  },
);
