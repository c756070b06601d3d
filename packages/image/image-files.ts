// Where images' bytes lie: one file an image, written beside first and renamed when complete, so that a file
// under an image's name is always whole and on the disk.
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { isUuid, type Uuid } from "@micronova/kit";
import { imageErrors } from "./errors.ts";
import { inspect } from "./formats/inspect.ts";

/** Bytes that have arrived and are on the disk, under no image's name yet. */
export interface Received {
  readonly path: string;
  readonly size: number;
  /** MD5, as Glance has it. */
  readonly checksum: string;
  /** SHA-512. */
  readonly os_hash_value: string;
}

export interface ImageFiles {
  path(id: Uuid): string;
  /** Writes the stream to the disk, hashing on the way. Leaves nothing behind when it fails. */
  receive(
    stream: Readable,
    options: { readonly uploadId: Uuid; readonly bytesMax: number },
  ): Promise<Received>;
  /**
   * The virtual size in bytes of what was received; throws when its content is not of the declared format, or
   * is unsafe.
   */
  inspect(received: Received, declaredFormat: string): Promise<number>;
  /** Gives what was received the image's name. */
  keep(received: Received, id: Uuid): Promise<void>;
  discard(received: Received): Promise<void>;
  open(id: Uuid): Promise<FileHandle>;
  /** Absent is success. */
  remove(id: Uuid): Promise<void>;
  /**
   * Removes what no image needs: uploads cut short, and files whose image is gone. Says how many. What is
   * wanted is asked after looking, so that it holds for all that is found.
   */
  sweep(wanted: () => Promise<ReadonlySet<Uuid>>): Promise<number>;
}

const partial = ".part";

export function imageFiles({ dir }: { readonly dir: string }): ImageFiles {
  const path = (id: Uuid) => join(dir, id);
  return {
    path,
    async receive(stream, { uploadId, bytesMax }) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const part = join(dir, `${uploadId}${partial}`);
      try {
        return await write(stream, part, bytesMax);
      } catch (error) {
        await rm(part, { force: true });
        throw isFull(error) ? imageErrors.storageFull() : error;
      }
    },
    inspect: ({ path: part, size }, declaredFormat) => inspect(part, size, declaredFormat),
    async keep(received, id) {
      await rename(received.path, path(id));
      await syncDirectory(dir);
    },
    discard: (received) => rm(received.path, { force: true }),
    open: (id) => open(path(id), "r"),
    remove: (id) => rm(path(id), { force: true }),
    async sweep(wanted) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      // Only names we make are ours to remove.
      const own = (await readdir(dir)).filter((name) => isUuid(name.replace(partial, "")));
      const needed = await wanted();
      const unneeded = own.filter((name) => !needed.has(name.replace(partial, "")));
      for (const name of unneeded) await rm(join(dir, name), { force: true });
      return unneeded.length;
    },
  };
}

async function write(stream: Readable, path: string, bytesMax: number): Promise<Received> {
  const md5 = createHash("md5");
  const sha512 = createHash("sha512");
  let size = 0;
  const file = await open(path, "wx", 0o600);
  try {
    // Left alone after a failure: destroying the stream would close the socket before the client has its
    // answer. Nobody has set an encoding on it, so chunks are bytes.
    const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > bytesMax) throw imageErrors.tooLarge(bytesMax);
      md5.update(chunk);
      sha512.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { path, size, checksum: md5.digest("hex"), os_hash_value: sha512.digest("hex") };
}

/** Makes a renaming survive a power cut. */
async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isFull(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
}
