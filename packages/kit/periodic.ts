// A service that does something from time to time, for as long as it runs. What it does may fail, as when the
// store is away: that is said, and the next time is the retry.
import { type Millis, sleepUnlessAborted } from "./clock.ts";
import type { Platform, Service } from "./platform.ts";

export interface PeriodicOptions {
  readonly platform: Pick<Platform, "clock" | "log">;
  readonly name: string;
  readonly everyMs: Millis;
  /** Waits once before it begins; default is to begin at once. */
  readonly isPatient?: boolean;
  readonly work: () => Promise<unknown>;
}

export function periodic({ platform, name, everyMs, isPatient, work }: PeriodicOptions): Service {
  const { clock, log } = platform;
  const ending = new AbortController();
  const { signal } = ending;
  let running: Promise<void> = Promise.resolve();
  async function loop(): Promise<void> {
    if (isPatient === true) await sleepUnlessAborted(clock, everyMs, signal);
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        log.error({ error, service: name }, "regular work failed; it is tried again");
      }
      await sleepUnlessAborted(clock, everyMs, signal);
    }
  }
  return {
    name,
    async start() {
      running = loop();
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}
