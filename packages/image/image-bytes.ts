// An image's bytes as hosts are told of them: where they lie for a host that shares the API's directory,
// and for all others an address at the APIs. It is signed and short-lived, since hosts have no tokens, and
// says by itself what may be fetched and until when.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Millis, Random, Uuid } from "@micronova/kit";
import { now, type Store, type Tx } from "@micronova/store";
import type { ImageSource } from "./image-source.ts";

export interface ImageBytes {
  readonly imageId: Uuid;
  readonly path: string;
  readonly size: number;
  /** SHA-512, in hexadecimal digits. */
  readonly hash: string;
  /** Below the APIs' origin; null in a cloud whose APIs never ran. */
  readonly address: string | null;
}

/** Where the addresses lead. */
export const imageDataPath = "/image/data";

// A fetch that breaks off goes on with the same address, and a call that is repeated carries a fresh one.
const validMs: Millis = 3_600_000;
const secretBytes = 32;
const firstOrdinal = 1;

type Bytes = Pick<ImageSource, "id" | "path" | "size" | "os_hash_value">;

/** Of an image that has bytes; null when it is gone. */
export async function imageBytesOf(tx: Tx, id: Uuid): Promise<ImageBytes | null> {
  const row = await tx
    .selectFrom("images")
    .select(["path", "size", "os_hash_value"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined || row.path === null || row.size === null || row.os_hash_value === null) return null;
  return imageBytes(tx, { id, path: row.path, size: row.size, os_hash_value: row.os_hash_value });
}

export async function imageBytes(tx: Tx, { id, path, size, os_hash_value }: Bytes): Promise<ImageBytes> {
  const key = await newestKey(tx);
  const expires = String(now(tx) + validMs);
  const query = new URLSearchParams(
    key === null ? {} : { expires, signature: sign(key, id, expires).toString("base64url") },
  );
  const address = key === null ? null : `${imageDataPath}/${id}?${query}`;
  return { imageId: id, path, size, hash: os_hash_value, address };
}

/** Whether an address was signed by this cloud, for this image, and is still good. */
export async function isSigned(tx: Tx, id: Uuid, query: URLSearchParams): Promise<boolean> {
  const key = await newestKey(tx);
  const expires = query.get("expires") ?? "";
  if (key === null || !/^\d{1,15}$/.test(expires) || Number(expires) < now(tx)) return false;
  const given = Buffer.from(query.get("signature") ?? "", "base64url");
  const own = sign(key, id, expires);
  return given.length === own.length && timingSafeEqual(given, own);
}

/** Makes the key if there is none; of APIs that start at once, all have the first one's. */
export async function ensureDataKey(store: Store, random: Random): Promise<void> {
  if ((await newestKey(store.read)) !== null) return;
  const secret = Buffer.from(random.bytes(secretBytes)).toString("base64url");
  await store.transaction(async (tx) => {
    await tx
      .insertInto("image_data_keys")
      .values({ ordinal: firstOrdinal, secret, created_at: now(tx) })
      .onConflict((conflict) => conflict.column("ordinal").doNothing())
      .execute();
  });
}

async function newestKey(tx: Tx): Promise<Buffer | null> {
  const row = await tx
    .selectFrom("image_data_keys")
    .select("secret")
    .orderBy("ordinal", "desc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : Buffer.from(row.secret, "base64url");
}

function sign(key: Buffer, id: Uuid, expires: string): Buffer {
  return createHmac("sha256", key).update(`image ${id} until ${expires}`).digest();
}
