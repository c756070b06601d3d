// A clock that stands still until told, for tests and simulations: sleepers wait in a heap, and time jumps
// from one to the next.
import type { Clock, Millis } from "./clock.ts";

export interface VirtualClock extends Clock {
  /** Moves time forward, waking sleepers in order; between wake-ups everything that can run runs. */
  advance(ms: Millis): Promise<void>;
  /** When the next sleeper wakes, or null when nobody sleeps. */
  nextWake(): Millis | null;
  /** Calls `wake` after `ms`. What it answers takes that back. */
  wakeIn(ms: Millis, wake: () => void): () => void;
  /** Time waits for this work, which is real: a file that is written, say. One such work after another. */
  hold<T>(work: () => Promise<T>): Promise<T>;
}

interface Sleeper {
  readonly at: Millis;
  /** Of several for the same time the first comes first. */
  readonly turn: number;
  /** Null once it was taken back. */
  wake: (() => void) | null;
}

/** A clock that moves only by `advance`. Starts at a fixed date, so that what is stored is repeatable. */
export function virtualClock(start: Millis = Date.UTC(2026, 0, 1)): VirtualClock {
  let now = start;
  let turns = 0;
  let holding = 0;
  let held: Promise<unknown> = Promise.resolve();
  const sleepers = new Heap();
  const drain = async () => {
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (holding > 0);
  };
  const wakeIn = (ms: Millis, wake: () => void) => {
    const sleeper: Sleeper = { at: now + Math.max(0, ms), turn: turns++, wake };
    sleepers.push(sleeper);
    return () => {
      sleeper.wake = null;
    };
  };
  return {
    now: () => now,
    monotonic: () => now - start,
    sleep: (ms, signal) => sleepOn(wakeIn, ms, signal),
    wakeIn,
    nextWake: () => sleepers.first()?.at ?? null,
    async hold(work) {
      holding++;
      const mine = held.then(work);
      held = mine.catch(() => undefined);
      try {
        return await mine;
      } finally {
        holding--;
      }
    },
    async advance(ms) {
      const until = now + ms;
      await drain();
      for (let next = sleepers.first(); next !== null && next.at <= until; next = sleepers.first()) {
        sleepers.pop();
        now = Math.max(now, next.at);
        next.wake?.();
        await drain();
      }
      now = until;
      await drain();
    },
  };
}

/** The `sleep` of a clock that can wake. */
export function sleepOn(wakeIn: VirtualClock["wakeIn"], ms: Millis, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = wakeIn(ms, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Sleepers by their time, the next one first. Those taken back are dropped when their turn comes. */
class Heap {
  readonly #items: Sleeper[] = [];

  first(): Sleeper | null {
    while (this.#items.length > 0 && this.#items[0]!.wake === null) this.pop();
    return this.#items[0] ?? null;
  }

  push(item: Sleeper): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(items[parent]!, item)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.#items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++;
      if (isBefore(last, items[child]!)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
  }
}

function isBefore(one: Sleeper, other: Sleeper): boolean {
  return one.at < other.at || (one.at === other.at && one.turn < other.turn);
}
