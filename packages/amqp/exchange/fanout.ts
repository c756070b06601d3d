// Fanout: a message goes to every bound queue, whatever its key. A queue bound under two keys counts its
// bindings, so that removing one leaves the other.
import type { Router } from "./router.ts";

export function fanoutRouter<T>(): Router<T> {
  const keysOf = new Map<T, Set<string>>();
  /** Null when it must be made anew. */
  let all: readonly T[] | null = [];
  return {
    bind({ key }, target) {
      const keys = keysOf.get(target);
      if (keys !== undefined) keys.add(key);
      else {
        keysOf.set(target, new Set([key]));
        all = null;
      }
    },
    unbind({ key }, target) {
      const keys = keysOf.get(target);
      keys?.delete(key);
      if (keys?.size !== 0) return;
      keysOf.delete(target);
      all = null;
    },
    targets() {
      all ??= [...keysOf.keys()];
      return all;
    },
    get isEmpty() {
      return keysOf.size === 0;
    },
  };
}
