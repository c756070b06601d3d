// Deletes volumes that were to end with their server, once the server is gone. The saga that deletes the
// server cannot start another; it leaves a row, in the transaction that forgets the server, and this starts
// the volume's.
import { isFault, type Millis, type RequestContext, type Service } from "@micronova/kit";
import { volumes } from "@micronova/volume";
import type { ComputeDeps } from "../deps.ts";
import { pause } from "../pause.ts";

/** How long a volume may outlive its server. */
const everyMs: Millis = 2_000;

export function doomedVolumes(deps: Pick<ComputeDeps, "platform" | "store" | "sagas">): Service {
  const ending = new AbortController();
  let running: Promise<void> = Promise.resolve();
  async function loop(): Promise<void> {
    while (!ending.signal.aborted) {
      await deleteDoomed(deps);
      await pause(deps.platform.clock, everyMs, ending.signal);
    }
  }
  return {
    name: "doomed-volumes",
    async start() {
      running = loop();
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
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
