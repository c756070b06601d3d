// Images' bytes on a host that does not share the APIs' directory: fetched by their signed address, once for
// all who want them, checked, and kept while there is room. What broke off goes on where it stopped.
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { get as getTls } from "node:https";
import { join } from "node:path";
import { isFault, isUuid, type Millis, type Platform, type Uuid } from "@micronova/kit";
import { imageErrors } from "./errors.ts";
import type { ImageBytes } from "./image-bytes.ts";

export interface ImageCache {
  /** The path of its bytes on this host; whoever uses them for longer gives them a name of its own. */
  file(image: ImageBytes): Promise<string>;
  /** The same of a kernel or a ramdisk, which guests are started from again and again: it stays. */
  bootFile(image: ImageBytes): Promise<string>;
}

export interface ImageCacheOptions {
  readonly platform: Platform;
  readonly dir: string;
  /** Where the APIs are reached, such as `http://10.0.0.1:8774`. */
  readonly origin: string;
  /** The authority of their certificate, in PEM form, where it is one of the cloud's own. */
  readonly ca?: string;
  /** What is kept at most, as far as it is not in use. */
  readonly bytesMax: number;
}

const partial = ".part";
/** Files of this ending are not for `makeRoom`. */
const boot = ".boot";
const attemptsMax = 6;
const pauseMinMs: Millis = 500;
// Silence on a connection after which it is given up; the next attempt goes on from there.
const silenceMs: Millis = 30_000;
// Who was told of a path makes a name of its own for it, or a copy, within this time.
const inUseMs: Millis = 3_600_000;

export function imageCache(options: ImageCacheOptions): ImageCache {
  const { platform, dir } = options;
  const { clock } = platform;
  const fetching = new Map<string, Promise<string>>();
  const usedAt = new Map<Uuid, Millis>();

  async function kept(image: ImageBytes, path: string): Promise<string> {
    if (await hasSize(path, image.size)) {
      const at = new Date(clock.now());
      await utimes(path, at, at);
      return path;
    }
    await fetchWhole(options, image, path);
    await makeRoom(
      options,
      (id) => clock.monotonic() - (usedAt.get(id) ?? Number.NEGATIVE_INFINITY) < inUseMs,
    );
    return path;
  }

  /** All who want a file at the same time wait for one fetch of it. */
  async function found(image: ImageBytes, name: string): Promise<string> {
    if (await hasSize(image.path, image.size)) return image.path;
    usedAt.set(image.imageId, clock.monotonic());
    const path = join(dir, name);
    const under = fetching.get(path) ?? kept(image, path).finally(() => fetching.delete(path));
    fetching.set(path, under);
    return under;
  }

  return {
    file: (image) => found(image, image.imageId),
    bootFile: (image) => found(image, `${image.imageId}${boot}`),
  };
}

async function hasSize(path: string, size: number): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isFile() && found.size === size;
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ENOTDIR"].includes(String(error.code)))
      return false;
    throw error;
  }
}

/** Fetches it, in as many attempts as it may take; it has its name once its bytes are the right ones. */
async function fetchWhole(options: ImageCacheOptions, image: ImageBytes, path: string): Promise<void> {
  const { platform, dir } = options;
  const { clock, log } = platform;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const part = `${path}${partial}`;
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(options, image, part);
      break;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (isFault(error, imageErrors.bytesRefused) || isFull(error) || attempt === attemptsMax)
        throw isFault(error) ? error : imageErrors.bytesUnreachable(image.imageId, options.origin, why);
      log.warn(
        { imageId: image.imageId, attempt, why },
        "an image's bytes broke off; they are fetched again",
      );
      await clock.sleep(pauseMinMs * 2 ** (attempt - 1));
    }
  }
  await rename(part, path);
  log.info({ imageId: image.imageId, bytes: image.size }, "image fetched");
}

/** One attempt, from the end of what is there. Throws when the whole is not what it must be. */
async function fetchRest(options: ImageCacheOptions, image: ImageBytes, part: string): Promise<void> {
  const hash = createHash("sha512");
  const there = await hashFile(part, hash, image.size);
  const file = await open(part, there === 0 ? "w" : "a", 0o600);
  let size = there;
  try {
    if (size < image.size) size += await append(await ask(options, image, there), file, hash);
    await file.sync();
  } finally {
    await file.close();
  }
  if (size < image.size) throw imageErrors.bytesShort(image.imageId, size, image.size);
  if (size === image.size && hash.digest("hex") === image.hash) return;
  // Whatever is wrong with it, going on from here would not mend it.
  await rm(part, { force: true });
  throw imageErrors.bytesDamaged(image.imageId);
}

/** Hashes what an attempt before this one left; its length. Too much of it is as good as nothing. */
async function hashFile(path: string, hash: Hash, sizeMax: number): Promise<number> {
  let size = 0;
  try {
    if ((await stat(path)).size > sizeMax) return 0;
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk);
      size += chunk.length;
    }
    return size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 0;
    throw error;
  }
}

async function append(answer: IncomingMessage, file: FileHandle, hash: Hash): Promise<number> {
  let size = 0;
  // Nobody has set an encoding on it, so chunks are bytes.
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    await file.appendFile(chunk);
    hash.update(chunk);
    size += chunk.length;
  }
  return size;
}

/** The answer that carries the bytes from `start` on. */
async function ask(
  { origin, ca }: ImageCacheOptions,
  image: ImageBytes,
  start: number,
): Promise<IncomingMessage> {
  if (image.address === null)
    throw imageErrors.bytesRefused(image.imageId, origin, "nothing signs addresses");
  const url = new URL(image.address, origin);
  const options = {
    headers: start === 0 ? {} : { range: `bytes=${start}-` },
    timeout: silenceMs,
    ...(ca === undefined ? {} : { ca }),
  };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = url.protocol === "https:" ? getTls(url, options, resolve) : get(url, options, resolve);
    asked.once("error", reject);
    asked.once("timeout", () => asked.destroy(new Error(`silent for ${silenceMs / 1000} s`)));
  });
  if (answer.statusCode === (start === 0 ? 200 : 206)) return answer;
  answer.destroy();
  const why = `HTTP status ${answer.statusCode}`;
  const isFinal = answer.statusCode !== undefined && answer.statusCode >= 400 && answer.statusCode < 500;
  throw isFinal ? imageErrors.bytesRefused(image.imageId, origin, why) : new Error(why);
}

/** Removes what was not used for longest, until the rest is no more than may be kept. */
async function makeRoom({ dir, bytesMax }: ImageCacheOptions, isInUse: (id: Uuid) => boolean): Promise<void> {
  // Only names we make are ours to remove.
  const names = (await readdir(dir)).filter((name) => isUuid(name.replace(partial, "")));
  const files = await Promise.all(
    names.map(async (name) => ({ name, ...(await sizeAndAge(join(dir, name))) })),
  );
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { name, size } of files.toSorted((a, b) => a.usedAt - b.usedAt)) {
    if (total <= bytesMax) return;
    if (isInUse(name.replace(partial, ""))) continue;
    await rm(join(dir, name), { force: true });
    total -= size;
  }
}

async function sizeAndAge(path: string): Promise<{ readonly size: number; readonly usedAt: Millis }> {
  const { size, mtimeMs } = await stat(path);
  return { size, usedAt: mtimeMs };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOSPC", "EDQUOT"].includes(String(error.code));
}
