// What tests pass instead of the real platform: a clock that stands still until told, chance from a seed, no
// log.
import type { Clock, Millis } from "./clock.ts";
import { silentLog } from "./log.ts";
import { metricsRegistry } from "./metrics.ts";
import type { Platform } from "./platform.ts";
import { seededRandom } from "./random.ts";

export interface VirtualClock extends Clock {
  /** Moves time forward, waking sleepers in order; between wake-ups everything that can run runs. */
  advance(ms: Millis): Promise<void>;
  /** When the next sleeper wakes, or null when nobody sleeps. */
  nextWake(): Millis | null;
}

interface Sleeper {
  readonly at: Millis;
  readonly wake: () => void;
}

/** A clock that moves only by `advance`. Starts at a fixed date, so that what is stored is repeatable. */
export function virtualClock(start: Millis = Date.UTC(2026, 0, 1)): VirtualClock {
  let now = start;
  let sleepers: Sleeper[] = [];
  const drain = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    now: () => now,
    monotonic: () => now - start,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper: Sleeper = { at: now + Math.max(0, ms), wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal.reason);
        });
      }),
    nextWake: () => (sleepers.length === 0 ? null : Math.min(...sleepers.map((sleeper) => sleeper.at))),
    async advance(ms) {
      const until = now + ms;
      await drain();
      for (;;) {
        const next = sleepers.filter((sleeper) => sleeper.at <= until).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        sleepers = sleepers.filter((sleeper) => sleeper !== next);
        now = Math.max(now, next.at);
        next.wake();
        await drain();
      }
      now = until;
      await drain();
    },
  };
}

export interface TestPlatform extends Platform {
  readonly clock: VirtualClock;
}

export function testPlatform(seed: number | string = 1): TestPlatform {
  return { clock: virtualClock(), random: seededRandom(seed), log: silentLog, metrics: metricsRegistry() };
}
