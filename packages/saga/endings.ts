// Who waits in this process for a saga's end hears of it at once; sagas that other processes run are asked
// after.
import type { Uuid } from "@micronova/kit";
import type { Store } from "@micronova/store";

type Waiters = Map<Uuid, Set<() => void>>;

// Per store, so that several clouds in one process do not hear each other.
const waitersOf = new WeakMap<Store, Waiters>();

/** Calls `wake` once, when the saga's state may have become an outcome. Returns what takes it back. */
export function onEnding(store: Store, id: Uuid, wake: () => void): () => void {
  const waiters = waitersOf.get(store) ?? new Map<Uuid, Set<() => void>>();
  waitersOf.set(store, waiters);
  const mine = waiters.get(id) ?? new Set();
  waiters.set(id, mine);
  mine.add(wake);
  return () => {
    mine.delete(wake);
    if (mine.size === 0 && waiters.get(id) === mine) waiters.delete(id);
  };
}

export function tellEnding(store: Store, id: Uuid): void {
  const waiters = waitersOf.get(store);
  const waiting = waiters?.get(id);
  if (waiting === undefined) return;
  waiters?.delete(id);
  for (const wake of waiting) wake();
}
