// What all processes of a simulation have in common: time, chance, the log of everything that happens, and
// what goes wrong. The same seed gives the same log, byte for byte.
import { createHash } from "node:crypto";
import { type Millis, type Random, seededRandom } from "@micronova/kit";
import { type Fate, type Life, type VirtualClock, virtualClock } from "@micronova/kit/testing";

/** How likely it is that something goes wrong, each time it could. */
export interface Faults {
  /** Messages. */
  lost: number;
  repeated: number;
  delayed: number;
  /** Calls of drivers that throw: before they did anything, or after they did it. */
  driverFails: number;
  driverFailsDone: number;
  /** Calls of drivers that hang for many minutes. */
  driverHangs: number;
  /** Transactions that the store refuses, and those it makes without the process hearing of it. */
  refused: number;
  unheard: number;
}

export const noFaults: Faults = {
  lost: 0,
  repeated: 0,
  delayed: 0,
  driverFails: 0,
  driverFailsDone: 0,
  driverHangs: 0,
  refused: 0,
  unheard: 0,
};

/** An effect that is about to happen. Whoever watches may kill the life now, or ask for it afterwards. */
export interface Moment {
  /** Counted from 0. */
  readonly at: number;
  readonly life: Life;
  readonly effect: string;
  /** What happens right after it, before the process hears of it. */
  afterwards: (() => void) | null;
}

// The end of a log tells what happened before something was found wrong; this bounds memory.
const linesKept = 20_000;
// Messages, transactions and calls take a moment, so that processes meet in ever different orders.
const momentMsMax = 4;

export class World {
  readonly seed: number;
  readonly clock: VirtualClock = virtualClock();
  readonly random: Random;
  readonly faults: Faults = { ...noFaults };
  /** Sentences of what must not be, beside what the checks find. */
  readonly complaints: string[] = [];
  /** Sees every effect before it happens. */
  watch: ((moment: Moment) => void) | null = null;
  readonly fate: Fate;
  readonly #start: Millis;
  readonly #hash = createHash("sha256");
  readonly #lines: string[] = [];
  readonly #isSaying: boolean;
  #effects = 0;

  constructor(seed: number, options: { readonly isSaying?: boolean } = {}) {
    this.seed = seed;
    this.random = seededRandom(`world ${seed}`);
    this.#start = this.clock.now();
    this.#isSaying = options.isSaying ?? false;
    this.fate = (life, effect, perform) => this.#decide(life, effect, perform);
  }

  get effects(): number {
    return this.#effects;
  }

  /** Adds a line to the log. */
  note(who: string, what: string): void {
    const line = `${((this.clock.now() - this.#start) / 1000).toFixed(3)} ${who} ${what}`;
    this.#hash.update(line).update("\n");
    this.#lines.push(line);
    if (this.#lines.length > 2 * linesKept) this.#lines.splice(0, linesKept);
    if (this.#isSaying) process.stdout.write(`${line}\n`);
  }

  complain(what: string): void {
    this.note("!", what);
    this.complaints.push(what);
  }

  /** The end of the log. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Of the whole log. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  pause(ms: Millis): Promise<void> {
    return this.clock.sleep(ms);
  }

  /** A draw that is only made when it can matter, so that faults which are off change nothing. */
  chance(probability: number): boolean {
    return probability > 0 && this.random.chance(probability);
  }

  async #decide(life: Life, effect: string, perform: () => Promise<void>): Promise<void> {
    await this.pause(this.random.int(momentMsMax));
    if (life.isDead) return;
    const moment: Moment = { at: this.#effects++, life, effect, afterwards: null };
    this.note(life.name, effect);
    this.watch?.(moment);
    if (life.isDead) return;
    await perform();
    moment.afterwards?.();
  }
}
