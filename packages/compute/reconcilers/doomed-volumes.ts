// Deletes volumes that were to end with their server, once the server is gone. The saga that deletes the
// server cannot start another; it leaves a row, in the transaction that forgets the server, and this starts
// the volume's.
import { isFault, type Millis, periodic, type RequestContext, type Service } from "@micronova/kit";
import { volumes } from "@micronova/volume";
import type { ComputeDeps } from "../deps.ts";

/** How long a volume may outlive its server. */
const everyMs: Millis = 2_000;

export function doomedVolumes(deps: Pick<ComputeDeps, "platform" | "store" | "sagas">): Service {
  const { platform } = deps;
  return periodic({ platform, name: "doomed-volumes", everyMs, work: () => deleteDoomed(deps) });
}

async function deleteDoomed({ store, sagas, platform }: Parameters<typeof doomedVolumes>[0]): Promise<void> {
  const doomed = await store.read.selectFrom("doomed_volumes").selectAll().execute();
  for (const { volume_id, request } of doomed) {
    // Written by server-volumes.ts alone.
    const context = JSON.parse(request) as RequestContext;
    await store.transaction(async (tx) => {
      await tx.deleteFrom("doomed_volumes").where("volume_id", "=", volume_id).execute();
      try {
        await volumes.remove(tx, { sagas }, context, volume_id);
      } catch (error) {
        // Deleted or taken by its owner meanwhile: theirs to decide.
        if (!isFault(error)) throw error;
        platform.log.info({ volumeId: volume_id, why: error.message }, "volume outlives its server");
      }
    });
  }
}
