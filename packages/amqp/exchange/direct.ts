// Direct: a message goes to the queues bound with exactly its key.
import type { Router } from "./router.ts";

export function directRouter<T>(): Router<T> {
  const byKey = new Map<string, T[]>();
  const drop = (key: string, target: T) => {
    const left = (byKey.get(key) ?? []).filter((other) => other !== target);
    if (left.length === 0) byKey.delete(key);
    else byKey.set(key, left);
  };
  return {
    bind({ key }, target) {
      const bound = byKey.get(key) ?? [];
      if (!bound.includes(target)) byKey.set(key, [...bound, target]);
    },
    unbind: ({ key }, target) => drop(key, target),
    remove(target) {
      for (const key of [...byKey.keys()]) drop(key, target);
    },
    targets: ({ key }) => byKey.get(key) ?? [],
    get isEmpty() {
      return byKey.size === 0;
    },
  };
}
