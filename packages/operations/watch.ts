// Holds the tables against the invariants from time to time, counts what it finds as a metric, and says each
// new finding once in the log. It mends nothing: that is for a person, or for `micronova doctor --fix`.
import { type Millis, periodic, type Service, systemContext } from "@micronova/kit";
import { type DoctorDeps, examine } from "./doctor.ts";

// Often enough to be near the cause, rare enough to cost nothing that shows.
const everyMs: Millis = 60_000;

export function invariantWatch(deps: DoctorDeps): Service {
  const { platform } = deps;
  let said: ReadonlySet<string> = new Set();
  const work = async () => {
    said = await watchOnce(deps, systemContext(platform.random.uuid()), said);
  };
  return periodic({ platform, name: "invariant-watch", everyMs, isPatient: true, work });
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
