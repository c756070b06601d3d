// For tests and simulations: one life of a process that can be killed, or frozen, at any of its effects. It
// reaches the world through doors, and each door asks its life. After a kill nothing comes back through them,
// as for a real process: its code waits for ever, and is forgotten.
import type { Clock, Millis } from "./clock.ts";
import { sleepOn, type VirtualClock } from "./virtual-clock.ts";

/**
 * What happens around an effect: it may wait, kill the life before or after `perform`, or throw in its place.
 */
export type Fate = (life: Life, effect: string, perform: () => Promise<void>) => Promise<void>;

export class Life {
  readonly name: string;
  /** By how much its wall clock is wrong. Its monotonic clock is not. */
  skewMs: Millis = 0;
  readonly #fate: Fate;
  readonly #endings: (() => void)[] = [];
  readonly #sleeping = new Set<() => void>();
  #isDead = false;
  #frost: PromiseWithResolvers<void> | null = null;

  constructor(name: string, fate: Fate = (_life, _effect, perform) => perform()) {
    this.name = name;
    this.#fate = fate;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isFrozen(): boolean {
    return this.#frost !== null;
  }

  /** Ends it. What it was about to do does not happen, and what it did, it is not told of. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    for (const cancel of this.#sleeping) cancel();
    this.#sleeping.clear();
    for (const end of this.#endings) end();
  }

  onEnd(end: () => void): void {
    this.#endings.push(end);
  }

  /** From now on its effects wait, and it hears nothing. */
  freeze(): void {
    this.#frost ??= Promise.withResolvers();
  }

  /** It goes on where it was, and knows nothing of the time between. */
  thaw(): void {
    this.#frost?.resolve();
    this.#frost = null;
  }

  /** Something that others can see: the moments before and after it are where it matters to die. */
  async effect<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.#isDead) return silence();
    let settled: (() => Promise<T>) | null = null;
    await this.#fate(this, what, async () => {
      await this.#awake();
      settled = await outcomeOf(work());
    });
    await this.#awake();
    // A fate that neither performs nor throws has killed, and then nobody comes as far as this.
    return settled!();
  }

  /** The promise's outcome, unless this life is over by then. */
  async hears<T>(promise: Promise<T>): Promise<T> {
    const settled = await outcomeOf(promise);
    await this.#awake();
    return settled();
  }

  /** Calls back now, or once it is awake; never after its end. */
  whenAwake(then: () => void): void {
    if (this.#isDead) return;
    if (this.#frost === null) then();
    else void this.#awake().then(then);
  }

  /** Its view of the time. */
  clock(world: VirtualClock): Clock {
    const wakeIn = (ms: Millis, wake: () => void) => {
      // Whoever sleeps after the end sleeps for ever.
      if (this.#isDead) return () => undefined;
      const cancel = world.wakeIn(ms, () => {
        this.#sleeping.delete(cancel);
        this.whenAwake(wake);
      });
      this.#sleeping.add(cancel);
      return () => {
        this.#sleeping.delete(cancel);
        cancel();
      };
    };
    return {
      now: () => world.now() + this.skewMs,
      monotonic: () => world.monotonic(),
      sleep: (ms, signal) => sleepOn(wakeIn, ms, signal),
    };
  }

  async #awake(): Promise<void> {
    while (this.#frost !== null && !this.#isDead) await this.#frost.promise;
    if (this.#isDead) await silence();
  }
}

/** Waits for the promise, and gives its outcome when asked. */
export async function outcomeOf<T>(promise: Promise<T>): Promise<() => Promise<T>> {
  await Promise.allSettled([promise]);
  return () => promise;
}

export function silence(): Promise<never> {
  return new Promise(() => {});
}
