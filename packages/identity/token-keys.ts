// The keys tokens are signed with: a small ring in a file only its owner may read. The first signs, all
// verify, so a new key logs nobody out.
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, isFault, type Millis, type Random } from "@micronova/kit";
import { errors } from "./errors.ts";

export interface TokenKey {
  readonly id: string;
  readonly secret: Buffer;
}

/** Newest first. */
export type KeyRing = readonly [TokenKey, ...TokenKey[]];

interface StoredKey {
  readonly id: string;
  readonly secret: string;
  readonly created_at: Millis;
}

const secretBytes = 32;
const idBytes = 3;
// The newest signs; two older ones outlive every token they signed when keys change at most every half hour.
const keysMax = 3;

type KeyDeps = { readonly clock: Clock; readonly random: Random };

/** Reads the ring; the first time, makes it. Two processes starting at once end with the same one. */
export function readKeys(path: string, deps: KeyDeps): KeyRing {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const draft = draftOf(path, [freshKey(deps)], deps);
    // A link, unlike a rename, fails when another process was first; its ring is then the one that counts.
    linkUnlessThere(draft, path);
    rmSync(draft);
  }
  return parse(path);
}

/** Puts a new key in front; the oldest one leaves. */
export function rotateKeys(path: string, deps: KeyDeps): KeyRing {
  readKeys(path, deps);
  renameSync(draftOf(path, [freshKey(deps), ...stored(path)].slice(0, keysMax), deps), path);
  return parse(path);
}

function freshKey({ clock, random }: KeyDeps): StoredKey {
  return {
    id: Buffer.from(random.bytes(idBytes)).toString("base64url"),
    secret: Buffer.from(random.bytes(secretBytes)).toString("base64url"),
    created_at: clock.now(),
  };
}

function draftOf(path: string, keys: readonly StoredKey[], { random }: KeyDeps): string {
  const draft = `${path}.${random.uuid()}`;
  writeFileSync(draft, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
  return draft;
}

function linkUnlessThere(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
}

function parse(path: string): KeyRing {
  const [first, ...rest] = stored(path).map((key) => ({
    id: key.id,
    secret: Buffer.from(key.secret, "base64url"),
  }));
  if (first === undefined) throw errors.keysUnreadable(path, "it holds no key");
  return [first, ...rest];
}

function stored(path: string): StoredKey[] {
  try {
    const { keys } = JSON.parse(readFileSync(path, "utf8"));
    const sound = keys.every(
      (key: StoredKey) =>
        typeof key.id === "string" && Buffer.from(key.secret, "base64url").length === secretBytes,
    );
    if (!sound) throw errors.keysUnreadable(path, "a key in it is damaged");
    return keys;
  } catch (error) {
    if (isFault(error)) throw error;
    throw errors.keysUnreadable(path, error instanceof Error ? error.message : String(error));
  }
}
