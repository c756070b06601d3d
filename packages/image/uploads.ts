// An image's bytes on their way in and out. An upload is: the row taken, the bytes written and checked, the
// file renamed, the row finished; each change of the row expects what the one before left, so a crash or a
// deletion in between shows.
import assert from "node:assert/strict";
import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import { isFault, type Millis, periodic, type RequestContext, type Service, type Uuid } from "@micronova/kit";
import { now, type Store, type Tx } from "@micronova/store";
import type { ImageDeps } from "./deps.ts";
import { imageErrors } from "./errors.ts";
import { ensureDataKey } from "./image-bytes.ts";
import type { ImageFiles, Received } from "./image-files.ts";
import { getOwn, type Image } from "./images.ts";
import { dataUse, imageStates } from "./states.ts";
import type { ImageTable } from "./tables.ts";

// Glance's image_size_cap: one tebibyte.
const imageBytesMax = 2 ** 40;

export interface Upload {
  readonly id: Uuid;
  readonly stream: Readable;
  /** What the client said the size would be, if it did. */
  readonly size: number | null;
}

/** Takes the image's bytes. Whatever goes wrong, the image is queued again and nothing is kept. */
export async function uploadImage(deps: ImageDeps, context: RequestContext, upload: Upload): Promise<void> {
  const { platform, store } = deps;
  const uploadId = platform.random.uuid();
  try {
    const image = await store.transaction((tx) =>
      begin(tx, context, { ...upload, uploadId, owner: ownerOf(deps) }),
    );
    await holding(deps, uploadId, () => receive(deps, { image, uploadId, upload }));
  } catch (error) {
    await takeBack(deps, upload.id, uploadId).catch(() => void takeBackLater(deps, upload.id, uploadId));
    throw error;
  }
  platform.log.info({ imageId: upload.id, requestId: context.requestId }, "image uploaded");
}

const ownerOf = ({ owner }: ImageDeps) => owner ?? "api";

// An API that died has its uploads undone by the others once they have heard nothing of them for so long.
const silenceMs: Millis = 60_000;
const renewEveryMs: Millis = 15_000;

/** Says from time to time that the upload goes on, however slow its client is. */
async function holding(deps: ImageDeps, uploadId: Uuid, work: () => Promise<void>): Promise<void> {
  const { platform, store } = deps;
  const renew = () =>
    store.transaction((tx) =>
      tx
        .updateTable("images")
        .set({ upload_until: now(tx) + silenceMs })
        .where("upload_id", "=", uploadId)
        .execute(),
    );
  const renewing = periodic({
    platform,
    name: "image-upload",
    everyMs: renewEveryMs,
    isPatient: true,
    work: renew,
  });
  await renewing.start();
  try {
    await work();
  } finally {
    await renewing.stop();
  }
}

/** Whatever became of the upload: it is as if it had never begun, unless it was complete. */
async function takeBack({ store, files }: ImageDeps, id: Uuid, uploadId: Uuid): Promise<void> {
  const row = await store.read
    .selectFrom("images")
    .select("upload_id")
    .where("id", "=", id)
    .executeTakeFirst();
  // Somebody else's, or complete although the store's answer was lost.
  if (row !== undefined && row.upload_id !== uploadId) return;
  // As long as the row waits for this upload, no other can have put its file there.
  await files.remove(id);
  if (row !== undefined) await store.transaction((tx) => abandon(tx, id, uploadId));
}

// How often it is tried while the store is away; after the process's end the sweeper does it.
const takeBackEveryMs: Millis = 5_000;

async function takeBackLater(deps: ImageDeps, id: Uuid, uploadId: Uuid): Promise<void> {
  const { clock, log } = deps.platform;
  for (;;) {
    await clock.sleep(takeBackEveryMs);
    try {
      return await takeBack(deps, id, uploadId);
    } catch (error) {
      log.warn({ imageId: id, error }, "an upload that failed could not be taken back yet");
    }
  }
}

interface Receiving {
  readonly image: Image;
  readonly uploadId: Uuid;
  readonly upload: Upload;
}

async function receive({ store, files }: ImageDeps, { image, uploadId, upload }: Receiving): Promise<void> {
  const bytesMax = Math.min(imageBytesMax, upload.size ?? imageBytesMax);
  const received = await files.receive(upload.stream, { uploadId, bytesMax }).catch((error: unknown) => {
    // Only an upload that said its size can pass a smaller limit than everybody's.
    const isMore = upload.size !== null && isFault(error, imageErrors.tooLarge);
    throw isMore ? imageErrors.sizeMismatch(bytesMax, bytesMax + 1) : error;
  });
  try {
    if (upload.size !== null && upload.size !== received.size) {
      throw imageErrors.sizeMismatch(upload.size, received.size);
    }
    const virtualSize = await files.inspect(received, image.disk_format ?? "");
    await files.keep(received, image.id);
    const path = files.path(image.id);
    const completion = { id: image.id, uploadId, path, received, virtualSize };
    const isKept = await store.transaction((tx) => complete(tx, completion));
    if (!isKept) throw imageErrors.goneWhileUploading(image.id);
  } catch (error) {
    await files.discard(received);
    throw error;
  }
}

interface Beginning {
  readonly id: Uuid;
  readonly uploadId: Uuid;
  readonly owner: string;
}

async function begin(
  tx: Tx,
  context: RequestContext,
  { id, uploadId, owner: upload_owner }: Beginning,
): Promise<Image> {
  const image = await getOwn(tx, context, id, "upload_image");
  const { from, to } = imageStates.actions.upload;
  if (image.disk_format === null || image.container_format === null) throw imageErrors.formatsMissing();
  const taken = await tx
    .updateTable("images")
    .set({
      status: to as ImageTable["status"],
      upload_id: uploadId,
      upload_owner,
      upload_until: now(tx) + silenceMs,
      updated_at: now(tx),
    })
    .where("id", "=", image.id)
    .where("status", "in", from as ImageTable["status"][])
    .returning("id")
    .executeTakeFirst();
  if (taken === undefined) throw imageErrors.transition(image.status, to);
  return image;
}

interface Completion {
  readonly id: Uuid;
  readonly uploadId: Uuid;
  readonly path: string;
  readonly received: Received;
  readonly virtualSize: number;
}

/** Whether the image was still waiting for this upload. */
async function complete(tx: Tx, { id, uploadId, path, received, virtualSize }: Completion): Promise<boolean> {
  const { from, to } = imageStates.actions.activate;
  const done = await tx
    .updateTable("images")
    .set({
      status: to as ImageTable["status"],
      upload_id: null,
      path,
      size: received.size,
      virtual_size: virtualSize,
      checksum: received.checksum,
      os_hash_algo: "sha512",
      os_hash_value: received.os_hash_value,
      updated_at: now(tx),
    })
    .where("id", "=", id)
    .where("status", "in", from as ImageTable["status"][])
    .where("upload_id", "=", uploadId)
    .returning("id")
    .executeTakeFirst();
  return done !== undefined;
}

async function abandon(tx: Tx, id: Uuid, uploadId: Uuid): Promise<void> {
  const { from, fail } = imageStates.actions.activate;
  await tx
    .updateTable("images")
    .set({ status: fail as ImageTable["status"], upload_id: null, updated_at: now(tx) })
    .where("id", "=", id)
    .where("status", "in", from as ImageTable["status"][])
    .where("upload_id", "=", uploadId)
    .execute();
}

/** The image's file, open; null while it has none. */
export async function openImage(
  deps: ImageDeps,
  context: RequestContext,
  image: Image,
): Promise<FileHandle | null> {
  const use = dataUse[image.status];
  if (use === "none" || image.size === null) return null;
  if (use === "admin" && !context.isAdmin) throw imageErrors.imageDeactivated();
  return deps.files.open(image.id);
}

// Seldom is anything left: a file whose removal failed, or of an image that was deleted as the process ended.
const sweepEveryMs: Millis = 10 * 60_000;

/**
 * At the start, before any upload: those that a crash of this API cut short are queued again, and their bytes
 * removed. From time to time: those of an API that is gone, and files that no image needs.
 */
export function imageSweeper(deps: ImageDeps): Service {
  const { platform, store, files } = deps;
  const undone = (queued: number) => {
    if (queued > 0) platform.log.info({ queued }, "uploads cut short were undone");
  };
  const silence = new Silence();
  const sweep = async () => {
    const removed = await files.sweep(() => filesWanted(store));
    if (removed > 0) platform.log.info({ removed }, "files without an image were removed");
  };
  const sweeping = periodic({
    platform,
    name: "image-sweep",
    everyMs: sweepEveryMs,
    isPatient: true,
    work: sweep,
  });
  const undoing = periodic({
    platform,
    name: "image-uploads",
    everyMs: silenceMs,
    work: async () => undone(await store.transaction((tx) => silence.undo(tx))),
  });
  return {
    name: "image-sweeper",
    async start() {
      await ensureDataKey(store, platform.random);
      undone(await store.transaction((tx) => abandonOwn(tx, ownerOf(deps))));
      await sweep();
      // The data directory may have been moved since.
      await store.transaction((tx) => relocate(tx, files));
      await sweeping.start();
      await undoing.start();
    },
    async stop() {
      await undoing.stop();
      await sweeping.stop();
    },
  };
}

/** Those of this API's life before, and of a version that did not say whose they are. */
async function abandonOwn(tx: Tx, owner: string): Promise<number> {
  const { from, fail } = imageStates.actions.activate;
  const rows = await tx
    .updateTable("images")
    .set({ status: fail as ImageTable["status"], upload_id: null, updated_at: now(tx) })
    .where("status", "in", from as ImageTable["status"][])
    .where((is) => is.or([is("upload_until", "is", null), is("upload_owner", "=", owner)]))
    .returning("id")
    .execute();
  return rows.length;
}

/**
 * Uploads that nobody renews: what they said at one look is what they say at the next. No clock is asked,
 * since that of the API which takes an upload may be minutes away from this one's.
 */
class Silence {
  #said: ReadonlyMap<Uuid, Millis | null> = new Map();

  /** Undoes those that were silent since the last look; answers how many. */
  async undo(tx: Tx): Promise<number> {
    const { from } = imageStates.actions.activate;
    const uploads = await tx
      .selectFrom("images")
      .select(["id", "upload_id", "upload_until"])
      .where("status", "in", from as ImageTable["status"][])
      .execute();
    const said = new Map<Uuid, Millis | null>();
    let undone = 0;
    for (const { id, upload_id, upload_until } of uploads) {
      assert(upload_id !== null, `image ${id} is being uploaded by nobody`);
      said.set(upload_id, upload_until);
      if (this.#said.get(upload_id) !== upload_until) continue;
      await abandon(tx, id, upload_id);
      undone++;
    }
    this.#said = said;
    return undone;
  }
}

async function relocate(tx: Tx, files: ImageFiles): Promise<void> {
  const rows = await tx.selectFrom("images").select("id").where("status", "in", withData).execute();
  for (const { id } of rows) {
    const path = files.path(id);
    await tx.updateTable("images").set({ path }).where("id", "=", id).where("path", "!=", path).execute();
  }
}

const withData = imageStates.stable.filter((status) => dataUse[status] !== "none");

/** Names of files: those of images, and those of uploads under way, which may have got their image's name. */
async function filesWanted({ read }: Store): Promise<Set<Uuid>> {
  const { from } = imageStates.actions.activate;
  const rows = await read
    .selectFrom("images")
    .select(["id", "upload_id"])
    .where("status", "in", [...withData, ...(from as ImageTable["status"][])])
    .execute();
  return new Set(rows.flatMap(({ id, upload_id }) => (upload_id === null ? [id] : [id, upload_id])));
}
