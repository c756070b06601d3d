// Keeps the row of a service of the control plane itself (conductor, scheduler) fresh, for `compute service
// list`.
import { type Millis, periodic, type Service } from "@micronova/kit";
import type { ComputeDeps } from "./deps.ts";
import { seeService } from "./hosts.ts";

/** Three beats fit into the time after which a service counts as down. */
const beatMs: Millis = 5_000;

export function serviceBeat(
  { platform, store }: Pick<ComputeDeps, "platform" | "store">,
  binary: string,
  host: string,
): Service {
  const work = () => store.transaction((tx) => seeService(tx, binary, host));
  return periodic({ platform, name: `${binary}-beat`, everyMs: beatMs, work });
}
