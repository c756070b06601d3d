// Holds the tables against the invariants from time to time, counts what it finds as a metric, and says each
// new finding once in the log. It mends nothing: that is for a person, or for `micronova doctor --fix`.
import { type Millis, type Service, sleepUnlessAborted, systemContext } from "@micronova/kit";
import { type DoctorDeps, examine } from "./doctor.ts";

// Often enough to be near the cause, rare enough to cost nothing that shows.
const everyMs: Millis = 60_000;

export function invariantWatch(deps: DoctorDeps): Service {
  const ending = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    name: "invariant-watch",
    async start() {
      running = watch(deps, ending.signal);
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}

async function watch(deps: DoctorDeps, signal: AbortSignal): Promise<void> {
  const { clock, random, log } = deps.platform;
  let said: ReadonlySet<string> = new Set();
  while (!signal.aborted) {
    await sleepUnlessAborted(clock, everyMs, signal);
    if (signal.aborted) return;
    try {
      said = await watchOnce(deps, systemContext(random.uuid()), said);
    } catch (error) {
      // The store may be away for a while; the next look is the retry.
      log.error({ error }, "invariants could not be examined");
    }
  }
}

async function watchOnce(
  deps: DoctorDeps,
  request: ReturnType<typeof systemContext>,
  said: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const { metrics, log } = deps.platform;
  const { findings } = await examine(deps, request, "tables");
  const counts = Map.groupBy(findings, ({ rule }) => rule);
  for (const { name } of deps.checks.invariants)
    metrics.gauge("micronova_invariant_violations", counts.get(name)?.length ?? 0, { rule: name });
  for (const { id, rule, text } of findings)
    if (!said.has(id)) log.error({ finding: id, rule }, `${text} \`micronova doctor\` tells more.`);
  return new Set(findings.map(({ id }) => id));
}
