// What a transaction carries besides its queries: its time, its source of ids, and what to do once it is
// durable. Kept beside the `Tx` and not in it, so that nouns see nothing but Kysely.
import assert from "node:assert/strict";
import type { Millis, Uuid } from "@micronova/kit";
import type { Tx } from "./index.ts";

export interface TxContext {
  now(): Millis;
  newId(): Uuid;
  afterCommit(then: () => void): void;
}

const contexts = new WeakMap<Tx, TxContext>();

/** Called by a store for each `Tx` it makes. */
export function setContext(tx: Tx, context: TxContext): void {
  contexts.set(tx, context);
}

/** For other queries over the same data. */
export function takeContext(tx: Tx, from: Tx): void {
  setContext(tx, contextOf(from));
}

/** The time of the transaction (the same for all its statements), or the current time on `store.read`. */
export function now(tx: Tx): Millis {
  return contextOf(tx).now();
}

/** A fresh id, from the store's own source of chance. */
export function newId(tx: Tx): Uuid {
  return contextOf(tx).newId();
}

/**
 * Runs `then` once the transaction is durable; never when it rolls back. For hints such as waking a runner.
 */
export function afterCommit(tx: Tx, then: () => void): void {
  contextOf(tx).afterCommit(then);
}

function contextOf(tx: Tx): TxContext {
  const context = contexts.get(tx);
  assert(context !== undefined, "this is not a transaction of a store");
  return context;
}

/** For a commit whose answer is lost: what was to be done after it is not. */
export function loseHooks(tx: Tx): void {
  setContext(tx, { ...contextOf(tx), afterCommit: () => undefined });
}
