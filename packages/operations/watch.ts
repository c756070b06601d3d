// Examines the cloud from time to time: counts what is found as a metric, says each new finding once in the
// log, and mends by itself what it finds twice in a row and may mend without a person. Tables are looked at
// often; hosts are asked less often, since that costs messages.
import {
  type Millis,
  type RequestContext,
  type Service,
  sleepUnlessAborted,
  systemContext,
} from "@micronova/kit";
import { type DoctorDeps, type Examine, examine, type Finding, startRepairs } from "./doctor.ts";

// Often enough to be near the cause, rare enough to cost nothing that shows.
const everyMs: Millis = 60_000;
const looksPerHostLook = 5;

export function invariantWatch(deps: DoctorDeps): Service {
  const ending = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    name: "invariant-watch",
    async start() {
      running = new Watch(deps).run(ending.signal);
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}

class Watch {
  readonly #deps: DoctorDeps;
  /** What the last look of each kind found. */
  readonly #found = new Map<Examine, ReadonlySet<string>>();
  readonly #said = new Set<string>();

  constructor(deps: DoctorDeps) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps.platform;
    for (let look = 1; !signal.aborted; look++) {
      await sleepUnlessAborted(clock, everyMs, signal);
      if (signal.aborted) return;
      const what = look % looksPerHostLook === 0 ? "tables and hosts" : "tables";
      try {
        await this.#look(what, systemContext(random.uuid()));
      } catch (error) {
        // The store may be away for a while; the next look is the retry.
        log.error({ error }, "the cloud could not be examined");
      }
    }
  }

  async #look(what: Examine, request: RequestContext): Promise<void> {
    const { findings } = await examine(this.#deps, request, what);
    const before = this.#found.get(what) ?? new Set();
    this.#found.set(what, new Set(findings.map(({ id }) => id)));
    this.#count(what, findings);
    for (const finding of findings) this.#say(finding);
    const lasting = findings.filter(({ id, rule }) => before.has(id) && this.#mayMend(rule));
    for (const { finding, sagaId } of await startRepairs(this.#deps, request, lasting)) {
      const { id, rule } = finding;
      this.#deps.platform.log.warn({ finding: id, rule, sagaId }, "a finding is being mended");
    }
  }

  #mayMend(rule: string): boolean {
    return this.#deps.checks.repairs[rule]?.isAutomatic === true;
  }

  #count(what: Examine, findings: readonly Finding[]): void {
    const { metrics } = this.#deps.platform;
    const { invariants, inspections } = this.#deps.checks;
    const counts = Map.groupBy(findings, ({ rule }) => rule);
    for (const { name } of [...invariants, ...(what === "tables" ? [] : inspections)])
      metrics.gauge("micronova_invariant_violations", counts.get(name)?.length ?? 0, { rule: name });
  }

  #say({ id, rule, text }: Finding): void {
    if (this.#said.has(id)) return;
    this.#said.add(id);
    this.#deps.platform.log.error({ finding: id, rule }, `${text} \`micronova doctor\` tells more.`);
  }
}
