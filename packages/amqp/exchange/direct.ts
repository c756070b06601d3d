// Direct: a message goes to the queues bound with exactly its key.
import type { Router } from "./router.ts";
import { TargetSet } from "./target-set.ts";

export function directRouter<T>(): Router<T> {
  const byKey = new Map<string, TargetSet<T>>();
  return {
    bind({ key }, target) {
      const bound = byKey.get(key) ?? new TargetSet<T>();
      bound.add(target);
      byKey.set(key, bound);
    },
    unbind({ key }, target) {
      const bound = byKey.get(key);
      bound?.delete(target);
      if (bound?.isEmpty === true) byKey.delete(key);
    },
    targets: ({ key }) => byKey.get(key)?.all ?? [],
    get isEmpty() {
      return byKey.size === 0;
    },
  };
}
