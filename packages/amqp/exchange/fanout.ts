// Fanout: a message goes to every bound queue, whatever its key. A queue bound under two keys counts its
// bindings, so that removing one leaves the other.
import type { Router } from "./router.ts";

export function fanoutRouter<T>(): Router<T> {
  const keysOf = new Map<T, Set<string>>();
  let all: readonly T[] = [];
  return {
    bind({ key }, target) {
      keysOf.set(target, (keysOf.get(target) ?? new Set()).add(key));
      all = [...keysOf.keys()];
    },
    unbind({ key }, target) {
      const keys = keysOf.get(target);
      keys?.delete(key);
      if (keys?.size === 0) keysOf.delete(target);
      all = [...keysOf.keys()];
    },
    remove(target) {
      keysOf.delete(target);
      all = [...keysOf.keys()];
    },
    targets: () => all,
    get isEmpty() {
      return keysOf.size === 0;
    },
  };
}
