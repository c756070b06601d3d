// Time as a value that is passed in. The globals are banned outside this package, so that a simulation can
// own time.
import { setTimeout as sleepTimer } from "node:timers/promises";

/** Milliseconds since the epoch, or a duration in milliseconds. Always an integer where it is stored. */
export type Millis = number;

export interface Clock {
  /** Wall clock; what is stored and shown. */
  now(): Millis;
  /** For measuring only. */
  monotonic(): Millis;
  /**
   * Resolves after `ms`; rejects with the signal's reason when it aborts first. Never keeps the process
   * alive.
   */
  sleep(ms: Millis, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    for (let left = ms; left > 0; left -= timerMax)
      await sleepTimer(Math.min(left, timerMax), undefined, signal === undefined ? {} : { signal });
  },
};

// So many milliseconds, 24 days, a timer of Node's can count; asked for more, it would end at once.
const timerMax: Millis = 2 ** 31 - 1;

/** Sleeps, and returns early when the signal aborts: the pause of a loop that ends by that signal. */
export async function sleepUnlessAborted(clock: Clock, ms: Millis, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Renders a time as OpenStack's APIs do: `2026-11-23T05:15:00Z`. */
export function isoSeconds(at: Millis): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/**
 * Renders a time with microseconds and no zone, as Cinder and Nova's action log do:
 * `2026-11-23T05:15:00.123000`.
 */
export function isoMicros(at: Millis): string {
  return `${new Date(at).toISOString().slice(0, 23)}000`;
}
