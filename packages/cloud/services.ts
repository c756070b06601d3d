// Several services as one.
import type { Service } from "@micronova/kit";

/** Started in order, stopped in reverse. */
export function together(name: string, parts: readonly Service[]): Service {
  return {
    name,
    async start() {
      for (const part of parts) await part.start();
    },
    async stop() {
      for (const part of parts.toReversed()) await part.stop();
    },
  };
}

/**
 * Services that do not need each other: started and stopped at once, so that waiting for a broker far
 * away, or for one that is gone, takes no longer for many than for one.
 */
export function sideBySide(name: string, parts: readonly Service[]): Service {
  return {
    name,
    async start() {
      const starts = await Promise.allSettled(parts.map((part) => part.start()));
      const failed = starts.find(({ status }) => status === "rejected");
      if (failed?.status !== "rejected") return;
      await Promise.all(
        parts.filter((_, at) => starts[at]!.status === "fulfilled").map((part) => part.stop()),
      );
      throw failed.reason;
    },
    async stop() {
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}

/** Something that is there already, and closed when its turn comes. */
export function closing(name: string, close: () => Promise<void> | void): Service {
  return { name, start: async () => {}, stop: async () => close() };
}
