// Makes a volume: chooses a pool, has its worker make the bytes, and says that the volume is there. A pool
// that fails is given up for the next one.
import { type ImageBytes, imageBytesOf } from "@micronova/image";
import type { Uuid } from "@micronova/kit";
import { saga } from "@micronova/saga";
import type { Tx } from "@micronova/store";
import type { VolumeSource } from "../drivers/driver.ts";
import { addMessage } from "../messages.ts";
import { placeVolume, poolName } from "../pools.ts";
import { volumes } from "../volumes.ts";
import { bytesDeadlineMs, volumeWorkerContract } from "../worker/contract.ts";

export interface VolumeCreateParams {
  readonly volumeId: Uuid;
  readonly sizeGb: number;
  readonly source: VolumeSource;
}

/** Pools that are tried before the volume is given up. */
const attempts = 3;

export const volumeCreate = saga<VolumeCreateParams>("volume-create")
  .local("place", {
    async do(tx, { params, failures }) {
      const tried = failures.flatMap(({ outputs }) => hostIn(outputs["place"]));
      const service = await placeVolume(tx, { sizeGb: params.sizeGb, tried });
      const place = { host: service.host, pool: poolName(service) };
      await tx.updateTable("volumes").set(place).where("id", "=", params.volumeId).execute();
      return place;
    },
    async undo(tx, { params }) {
      await tx
        .updateTable("volumes")
        .set({ host: null, pool: null })
        .where("id", "=", params.volumeId)
        .execute();
    },
  })
  .remote("create", {
    deadlineMs: bytesDeadlineMs,
    do: async ({ rpc, store }, { params, outputs }) => {
      const bytes = await bytesOf(store.read, params.source);
      await rpc.on(volumeWorkerContract, outputs.place.host).create({ ...params, ...bytes });
    },
    undo: ({ rpc }, { params, outputs }) =>
      rpc.on(volumeWorkerContract, outputs.place.host).delete({ volumeId: params.volumeId }),
  })
  .retryFrom("place", attempts)
  .local("finish", {
    async do(tx, { params }) {
      const bootable = params.source.kind === "image" ? 1 : 0;
      await volumes.finish(tx, params.volumeId, "create", { bootable });
    },
  })
  .onUnwound(async (tx, { params, cause, request }) => {
    const volume = await volumes.byId(tx, params.volumeId);
    if (volume === null) return;
    await volumes.fail(tx, volume.id, "create");
    await addMessage(tx, volume, { event: "create", text: cause.message, requestId: request.requestId });
  })
  .build();

/** With an address that was signed now: the saga may be an old one. */
async function bytesOf(read: Tx, source: VolumeSource): Promise<{ readonly bytes?: ImageBytes }> {
  if (source.kind === "blank" || source.imageId === undefined) return {};
  const bytes = await imageBytesOf(read, source.imageId);
  return bytes === null ? {} : { bytes };
}

function hostIn(output: unknown): readonly string[] {
  const host: unknown =
    typeof output === "object" && output !== null ? Reflect.get(output, "host") : undefined;
  return typeof host === "string" ? [host] : [];
}
