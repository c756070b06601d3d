// The time of a process that shares a database with others. Leases, tokens and what was seen when are
// compared by times that several processes write: all of them go by the database's clock, however wrong their
// own are.
import { type Clock, type Millis, type Platform, periodic, type Service } from "@micronova/kit";
import { type Store, sql } from "@micronova/store";

export class SteeredClock implements Clock {
  readonly #own: Clock;
  /** What the time was at a moment of the monotonic clock; null for one's own time. */
  #known: { readonly at: Millis; readonly monotonic: Millis } | null = null;

  constructor(own: Clock) {
    this.#own = own;
  }

  now(): Millis {
    if (this.#known === null) return this.#own.now();
    return Math.round(this.#known.at + this.#own.monotonic() - this.#known.monotonic);
  }

  monotonic(): Millis {
    return this.#own.monotonic();
  }

  sleep(ms: Millis, signal?: AbortSignal): Promise<void> {
    return this.#own.sleep(ms, signal);
  }

  /** From now on the time is this at that monotonic moment. Answers by how much one's own is off. */
  steer(at: Millis, monotonic: Millis): Millis {
    const offMs = this.#own.now() - (at + this.#own.monotonic() - monotonic);
    this.#known = { at, monotonic };
    return Math.round(offMs);
  }
}

// Quartz drifts by milliseconds in this time; a machine that was suspended is right again after it.
const everyMs: Millis = 10_000;
// Said, since logs have one's own time.
const tellMs: Millis = 1_000;

/** Steers the clock by PostgreSQL's, now and from time to time. */
export async function steerBy(
  platform: Pick<Platform, "log"> & { readonly clock: SteeredClock },
  store: Pick<Store, "read">,
): Promise<Service> {
  const { clock, log } = platform;
  let toldMs = 0;
  const look = async () => {
    const asked = clock.monotonic();
    const { rows } = await sql<{ at: number }>`
      SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS at`.execute(store.read);
    // It was read somewhere on the way: half-way is wrong by half of the way at most.
    const offMs = clock.steer(Number(rows[0]!.at), (asked + clock.monotonic()) / 2);
    if (Math.abs(offMs - toldMs) < tellMs) return;
    toldMs = offMs;
    log.warn({ offMs }, "this machine's clock is not the database's, which is gone by");
  };
  await look();
  return periodic({ platform, name: "clock", everyMs, isPatient: true, work: look });
}
