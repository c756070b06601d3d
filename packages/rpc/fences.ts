// The highest fence seen for each subject, in memory: for tests and for workers whose world ends with the
// process.
import type { FenceStore } from "./contract.ts";

export function memoryFences(): FenceStore {
  const highest = new Map<string, number>();
  return {
    seen: (subject) => highest.get(subject) ?? 0,
    async raise(subject, counter) {
      if (counter > (highest.get(subject) ?? 0)) highest.set(subject, counter);
    },
  };
}
