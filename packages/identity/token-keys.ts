// The keys tokens are signed with: a small ring in the store, the same for every process that has it. The
// newest signs, all verify, so a new key logs nobody out.
import assert from "node:assert/strict";
import type { Millis, Platform } from "@micronova/kit";
import { now, type Store, type Tx } from "@micronova/store";

export interface TokenKey {
  readonly id: string;
  readonly secret: Buffer;
}

/** Newest first. */
export type KeyRing = readonly [TokenKey, ...TokenKey[]];

const secretBytes = 32;
const idBytes = 3;
// The newest signs; two older ones outlive every token they signed when keys change at most every half hour.
const keysMax = 3;
const firstOrdinal = 1;

type KeyDeps = Pick<Platform, "random"> & { readonly store: Store };

/** Reads the ring; the first time, makes it. Processes that start at once end with the same one. */
export async function readKeys({ store, random }: KeyDeps): Promise<KeyRing> {
  const known = await ringOf(store.read);
  if (known !== null) return known;
  await store.transaction((tx) => addKey(tx, random, firstOrdinal));
  const made = await ringOf(store.read);
  if (made === null) throw new Error("the keys of tokens are gone as soon as they are made");
  return made;
}

/** Puts a new key in front; the oldest one leaves. */
export async function rotateKeys(deps: KeyDeps): Promise<void> {
  const { store, random } = deps;
  await readKeys(deps);
  await store.transaction(async (tx) => {
    const { ordinal } = await tx
      .selectFrom("token_keys")
      .select("ordinal")
      .orderBy("ordinal", "desc")
      .limit(1)
      .executeTakeFirstOrThrow();
    await addKey(tx, random, ordinal + 1);
    await tx
      .deleteFrom("token_keys")
      .where("ordinal", "<=", ordinal + 1 - keysMax)
      .execute();
  });
}

/** Of several processes that make the same one, the first does. */
async function addKey(tx: Tx, random: Platform["random"], ordinal: number): Promise<void> {
  const row = {
    ordinal,
    id: Buffer.from(random.bytes(idBytes)).toString("base64url"),
    secret: Buffer.from(random.bytes(secretBytes)).toString("base64url"),
    created_at: now(tx),
  };
  await tx
    .insertInto("token_keys")
    .values(row)
    .onConflict((conflict) => conflict.column("ordinal").doNothing())
    .execute();
}

async function ringOf(tx: Tx): Promise<KeyRing | null> {
  const rows = await tx
    .selectFrom("token_keys")
    .select(["id", "secret"])
    .orderBy("ordinal", "desc")
    .execute();
  const [first, ...rest] = rows.map(({ id, secret }) => ({ id, secret: Buffer.from(secret, "base64url") }));
  return first === undefined ? null : [first, ...rest];
}

// Forged tokens name keys that nobody has; however many come, the store is asked so often.
const lookPauseMs: Millis = 100;

/** The ring as one process knows it. */
export class KnownKeys {
  readonly #deps: KeyDeps & Pick<Platform, "clock">;
  #ring: KeyRing | null = null;
  #lookedAt: Millis = Number.NEGATIVE_INFINITY;
  #looking: Promise<KeyRing> | null = null;

  constructor(deps: KeyDeps & Pick<Platform, "clock">) {
    this.#deps = deps;
  }

  async current(): Promise<KeyRing> {
    return this.#ring ?? this.refresh();
  }

  /** What signs now, as last read. */
  newest(): TokenKey {
    assert(this.#ring !== null, "tokens are made before their keys were read");
    return this.#ring[0];
  }

  /** The keys, with the one of this id if there is one anywhere: another process may just have made it. */
  async with(id: string): Promise<KeyRing> {
    const known = await this.current();
    return known.some((key) => key.id === id) ? known : this.#look();
  }

  /** Brings the ring up to date with the store. */
  async refresh(): Promise<KeyRing> {
    this.#ring = await readKeys(this.#deps);
    return this.#ring;
  }

  /** Those who ask while it waits share the look that follows. */
  #look(): Promise<KeyRing> {
    this.#looking ??= this.#lookSoon().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookSoon(): Promise<KeyRing> {
    const { clock } = this.#deps;
    const pause = this.#lookedAt + lookPauseMs - clock.monotonic();
    if (pause > 0) await clock.sleep(pause);
    // Before the reading: a key that is made meanwhile is for the next look.
    this.#lookedAt = clock.monotonic();
    return this.refresh();
  }
}
