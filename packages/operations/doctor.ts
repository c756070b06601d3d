// Looks for what is not as it must be, in the tables and on the hosts, and mends it by sagas. What is under
// way is let be: a violation counts when it is there at two looks and nothing happened to its subject.
import { createHash } from "node:crypto";
import type { Millis, Platform, RequestContext, Uuid } from "@micronova/kit";
import type { Rpc } from "@micronova/rpc";
import { busySubjects, type Inspected, type Inspection, type Repairs, type Sagas } from "@micronova/saga";
import type { Invariant, Store, Violation } from "@micronova/store";
import { errors } from "./errors.ts";

/** What a cloud's packages know of themselves. Names are unique among invariants and inspections. */
export interface Checks {
  readonly invariants: readonly Invariant[];
  readonly inspections: readonly Inspection[];
  readonly repairs: Repairs;
}

export interface Finding extends Violation {
  /** The same for the same violation, at every look. */
  readonly id: string;
  /** The rule that is broken. */
  readonly rule: string;
  /** What would mend it, as a sentence; null when nothing of ours can. */
  readonly repair: string | null;
}

export interface Examination {
  readonly at: Millis;
  readonly rules: number;
  readonly findings: readonly Finding[];
  readonly unanswered: Inspected["unanswered"];
}

export interface Mended {
  readonly finding: Finding;
  /** Null when the repair found nothing to do, or no proof that it may. */
  readonly sagaId: Uuid | null;
}

export interface DoctorDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly rpc: Rpc;
  readonly sagas: Sagas;
  readonly checks: Checks;
}

export type Examine = "tables" | "tables and hosts";

/** One look at everything, or at the tables alone. */
export async function examine(
  deps: DoctorDeps,
  request: RequestContext,
  what: Examine,
): Promise<Examination> {
  const { platform, store, checks } = deps;
  const at = platform.clock.now();
  const before = await busySubjects(store.read, at);
  const first = await look(deps, request, what);
  // A calm cloud is looked at once.
  const second = first.findings.length === 0 ? first : await look(deps, request, what);
  const after = await busySubjects(store.read, at);
  const known = new Set(first.findings.map(({ id }) => id));
  const isBusy = ({ about: { kind, id } }: Violation) =>
    before.has(`${kind}:${id}`) || after.has(`${kind}:${id}`);
  return {
    at,
    rules: checks.invariants.length + (what === "tables" ? 0 : checks.inspections.length),
    findings: second.findings.filter((finding) => known.has(finding.id) && !isBusy(finding)),
    unanswered: second.unanswered,
  };
}

/** Starts the repairs of these findings, if they are still there; of all that have one when none is named. */
export async function mend(
  deps: DoctorDeps,
  request: RequestContext,
  ids: readonly string[] | null,
): Promise<readonly Mended[]> {
  const { findings } = await examine(deps, request, "tables and hosts");
  const byId = new Map(findings.map((finding) => [finding.id, finding]));
  const chosen = ids ?? [...byId.keys()];
  const gone = chosen.find((id) => !byId.has(id));
  if (gone !== undefined) throw errors.findingNotFound(gone);
  return startRepairs(
    deps,
    request,
    [...new Set(chosen)].map((id) => byId.get(id)!),
  );
}

/** Starts what mends these findings; those without a repair are left out. */
export async function startRepairs(
  deps: DoctorDeps,
  request: RequestContext,
  findings: readonly Finding[],
): Promise<readonly Mended[]> {
  const mended: Mended[] = [];
  for (const finding of findings) {
    const repair = deps.checks.repairs[finding.rule];
    if (repair === undefined) continue;
    const { sagas, store } = deps;
    const sagaId = await store.transaction((tx) => repair.start(tx, { sagas, request }, finding));
    mended.push({ finding, sagaId });
  }
  return mended;
}

async function look(
  { store, rpc, checks }: DoctorDeps,
  request: RequestContext,
  what: Examine,
): Promise<Pick<Examination, "findings" | "unanswered">> {
  const findings: Finding[] = [];
  const unanswered = new Map<string, Inspected["unanswered"][number]>();
  const note = (rule: string, violations: readonly Violation[]) => {
    const repair = checks.repairs[rule]?.what ?? null;
    for (const violation of violations)
      findings.push({ ...violation, id: findingId(rule, violation), rule, repair });
  };
  for (const { name, find } of checks.invariants) note(name, await find(store.read));
  for (const { name, inspect } of what === "tables" ? [] : checks.inspections) {
    const inspected = await inspect({ store, rpc, request });
    note(name, inspected.violations);
    for (const one of inspected.unanswered) unanswered.set(one.host, one);
  }
  return { findings, unanswered: [...unanswered.values()] };
}

// Short enough to be typed, long enough that no two of a cloud's are alike.
const idDigits = 10;

function findingId(rule: string, { text, about }: Violation): string {
  const whole = JSON.stringify([rule, about.kind, about.id, about.host ?? null, text]);
  return createHash("sha256").update(whole).digest("hex").slice(0, idDigits);
}
