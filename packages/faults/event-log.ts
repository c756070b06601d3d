// What happened by rule, in order: kept in memory to be asked for, and in a file that outlives a kill. It has
// no times and no ids but those drawn from the seed, so that the same seed and the same calls give the same
// bytes.
import { appendFileSync, readFileSync } from "node:fs";

export interface FaultEvent {
  /** From 1, since the start. */
  readonly n: number;
  readonly rule: string;
  readonly place: string;
  readonly action: string;
  /** `POST /compute/v2.1/servers`, `fake-001 virt.spawn` */
  readonly where: string;
  /** On whose behalf; null where nobody asked. */
  readonly request_id: string | null;
}

// Enough for a test to read what it did; the file has the rest.
const keptMax = 10_000;

export class EventLog {
  /** Counts the starts of this file's clouds, from 1. */
  readonly start: number;
  readonly #path: string | null;
  #events: FaultEvent[] = [];
  #count = 0;

  /** `path` is null for memory alone. */
  constructor(path: string | null, seed: string) {
    this.#path = path;
    this.start = path === null ? 1 : startsIn(path) + 1;
    this.#append({ start: this.start, seed });
  }

  add(event: Omit<FaultEvent, "n">): void {
    const whole = { n: ++this.#count, ...event };
    this.#events.push(whole);
    if (this.#events.length > 2 * keptMax) this.#events = this.#events.slice(-keptMax);
    this.#append(whole);
  }

  /** The latest, oldest first. */
  latest(limit: number): readonly FaultEvent[] {
    return this.#events.slice(-Math.min(limit, keptMax));
  }

  /** At once, since the process may be about to kill itself. */
  #append(line: object): void {
    if (this.#path !== null) appendFileSync(this.#path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  }
}

function startsIn(path: string): number {
  try {
    return readFileSync(path, "utf8").match(/^\{"start":/gm)?.length ?? 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
