// What a process still waits for. Roles are started in any order: each says what it misses, in its log and on
// its health address, and goes on by itself once that is there.
import { isFault, type Millis, type Platform } from "@micronova/kit";

/** Something that may be away; null while it is there, a sentence while it is not. */
type Look = () => Promise<string | null> | string | null;

export class Readiness {
  readonly #platform: Platform;
  readonly #waiting = new Map<string, string>();
  readonly #looks = new Map<string, Look>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** From now on it is asked for each time somebody wants to know. */
  watch(what: string, look: Look): void {
    this.#looks.set(what, look);
  }

  /** Notes what is missing, once for each reason. */
  waitFor(what: string, why: string): void {
    if (this.#waiting.get(what) === why) return;
    this.#waiting.set(what, why);
    this.#platform.log.warn({ what, why }, "waiting for what is not there yet");
  }

  have(what: string): void {
    if (this.#waiting.delete(what)) this.#platform.log.info({ what }, "what was waited for is there");
  }

  /** A line for each thing that is missing; none when the process is ready. */
  async missing(): Promise<readonly string[]> {
    const looked = await Promise.all(
      [...this.#looks].map(async ([what, look]) => [what, await look()] as const),
    );
    const away = looked.filter(([what, why]) => why !== null && !this.#waiting.has(what));
    return [...this.#waiting, ...away].map(([what, why]) => `${what}: ${why}`);
  }
}

// Whoever starts a cloud looks at it; what comes back is found soon.
const pauseMs: Millis = 1_000;

export interface Wait {
  readonly what: string;
  readonly readiness: Readiness;
  readonly signal: AbortSignal;
  /** Whether what went wrong may pass; what may not is thrown. */
  readonly mayPass: (error: unknown) => boolean;
}

/** Does it, again and again while what it needs is away. */
export async function untilThere<T>(
  { clock }: Pick<Platform, "clock">,
  { what, readiness, signal, mayPass }: Wait,
  attempt: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      const value = await attempt();
      readiness.have(what);
      return value;
    } catch (error) {
      if (!isFault(error) || !mayPass(error)) throw error;
      readiness.waitFor(what, error.message);
      await clock.sleep(pauseMs, signal);
    }
  }
}
