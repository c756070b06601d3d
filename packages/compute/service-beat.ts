// Keeps the row of a service of the control plane itself (conductor, scheduler) fresh, for `compute service
// list`.
import type { Millis, Service } from "@micronova/kit";
import type { ComputeDeps } from "./deps.ts";
import { seeService } from "./hosts.ts";
import { pause } from "./pause.ts";

/** Three beats fit into the time after which a service counts as down. */
const beatMs: Millis = 20_000;

export function serviceBeat(
  { platform, store }: Pick<ComputeDeps, "platform" | "store">,
  binary: string,
  host: string,
): Service {
  const ending = new AbortController();
  let running: Promise<void> = Promise.resolve();
  async function loop(): Promise<void> {
    while (!ending.signal.aborted) {
      await store.transaction((tx) => seeService(tx, binary, host));
      await pause(platform.clock, beatMs, ending.signal);
    }
  }
  return {
    name: `${binary}-beat`,
    async start() {
      running = loop();
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}
