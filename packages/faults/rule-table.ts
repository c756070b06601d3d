// The rules and what they decide. A decision depends on the rule, its seed and how many calls it has matched,
// and on nothing else: the same calls in the same order are met by the same faults.
import { type Clock, type Millis, type Random, seededRandom } from "@micronova/kit";
import { faultErrors } from "./errors.ts";
import type { FaultEvent } from "./event-log.ts";
import { matcherOf } from "./pattern.ts";
import { type ActionOf, isLasting, type Place, type RuleSpec } from "./rule-schema.ts";

/** Something that is about to happen, as rules see it. */
export interface Call {
  /** As the log names it. */
  readonly where: string;
  readonly requestId: string | null;
  /** What can be matched, by name: one value, or several of which one has to fit. */
  readonly facts: Facts;
}
export type Facts = Readonly<Record<string, string | readonly string[] | null>>;

/** A rule that acts on a call. */
export interface Hit<A> {
  readonly rule: string;
  readonly action: A;
  /** Resolves when the rule ends. */
  readonly over: Promise<void>;
}

/** A rule with what became of it. */
export interface RuleState {
  readonly rule: RuleSpec & { readonly id: string };
  readonly matched: number;
  readonly hits: number;
  readonly addedAt: Millis;
  readonly isOver: boolean;
}

interface Entry extends RuleState {
  readonly matchers: readonly (readonly [name: string, matcher: RegExp])[];
  readonly random: Random;
  readonly ending: AbortController;
  readonly over: Promise<void>;
  matched: number;
  hits: number;
  isOver: boolean;
}

const rulesMax = 1_000;
const none: readonly never[] = [];

export interface RuleTableDeps {
  readonly clock: Clock;
  readonly seed: string;
  readonly record: (event: Omit<FaultEvent, "n">) => void;
}

export class RuleTable {
  readonly #deps: RuleTableDeps;
  readonly #entries = new Map<string, Entry>();
  /** Those that are not over, so that a call of a place without rules costs nothing. */
  #active: Readonly<Partial<Record<Place, readonly Entry[]>>> = {};
  #made = 0;

  constructor(deps: RuleTableDeps) {
    this.#deps = deps;
  }

  /** All of them, or none with an error. */
  add(specs: readonly RuleSpec[]): readonly RuleState[] {
    this.#makeRoom(specs.length);
    const named = specs.map((spec) => ({ ...spec, id: spec.id ?? this.#newId() }));
    const ids = named.map(({ id }) => id);
    const twice = ids.find((id, at) => this.#entries.has(id) || ids.indexOf(id) !== at);
    if (twice !== undefined) throw faultErrors.ruleExists(twice);
    const added = named.map((rule) => this.#begin(rule));
    this.#refresh();
    for (const entry of added)
      if (isLasting(entry.rule.action)) this.#hit(entry, lastingWhere(entry.rule), null);
    return added;
  }

  /** In the order in which they were added. */
  list(): readonly RuleState[] {
    return [...this.#entries.values()];
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw faultErrors.ruleNotFound(id);
    this.#end(entry);
    this.#entries.delete(id);
  }

  clear(): void {
    for (const id of [...this.#entries.keys()]) this.remove(id);
  }

  /** Whether some rule wants to know this of calls. */
  asksFor(fact: string): boolean {
    return Object.values(this.#active).some((entries) => entries.some(({ rule }) => fact in rule.match));
  }

  /** The rules that act on a call, each of which is recorded. `describe` is called only if any might. */
  decide<P extends Place>(place: P, describe: () => Call): readonly Hit<ActionOf<P>>[] {
    const entries = this.#active[place];
    if (entries === undefined) return none;
    const call = describe();
    return entries
      .filter((entry) => !isLasting(entry.rule.action) && fits(entry, call.facts) && chosen(entry))
      .map((entry) => {
        this.#hit(entry, call.where, call.requestId);
        return this.#asHit<P>(entry);
      });
  }

  /** The lasting rules that hold for what is described. */
  holding<P extends Place>(place: P, describe: () => Facts): readonly Hit<ActionOf<P>>[] {
    const entries = this.#active[place];
    if (entries === undefined) return none;
    const facts = describe();
    return entries
      .filter((entry) => isLasting(entry.rule.action) && fits(entry, facts))
      .map((entry) => this.#asHit<P>(entry));
  }

  #asHit<P extends Place>({ rule, over }: Entry): Hit<ActionOf<P>> {
    // Entries are kept by their place.
    return { rule: rule.id, action: rule.action as ActionOf<P>, over };
  }

  #hit(entry: Entry, where: string, requestId: string | null): void {
    entry.hits++;
    const { id, place, action, expires } = entry.rule;
    this.#deps.record({ rule: id, place, action: action.kind, where, request_id: requestId });
    if (entry.hits === expires.hits) this.#end(entry);
  }

  #begin(rule: RuleSpec & { readonly id: string }): Entry {
    const { clock, seed } = this.#deps;
    const ending = new AbortController();
    const over = Promise.withResolvers<void>();
    ending.signal.addEventListener("abort", () => over.resolve(), { once: true });
    const entry: Entry = {
      rule,
      matchers: Object.entries(rule.match).map(([name, pattern]) => [name, matcherOf(pattern)] as const),
      random: seededRandom(`${rule.when.seed ?? `${seed} ${rule.id}`}`),
      ending,
      over: over.promise,
      addedAt: clock.now(),
      matched: 0,
      hits: 0,
      isOver: false,
    };
    this.#entries.set(rule.id, entry);
    const { seconds } = rule.expires;
    if (seconds !== undefined) void this.#endAfter(entry, seconds * 1_000);
    return entry;
  }

  async #endAfter(entry: Entry, ms: Millis): Promise<void> {
    const { signal } = entry.ending;
    await this.#deps.clock.sleep(ms, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    this.#end(entry);
  }

  #end(entry: Entry): void {
    entry.isOver = true;
    entry.ending.abort();
    this.#refresh();
  }

  #refresh(): void {
    const active = [...this.#entries.values()].filter(({ isOver }) => !isOver);
    this.#active = Object.fromEntries(Map.groupBy(active, ({ rule }) => rule.place));
  }

  /** What is over makes room for what comes. */
  #makeRoom(count: number): void {
    const over = [...this.#entries.values()].filter(({ isOver }) => isOver);
    for (const { rule } of over) if (this.#entries.size + count > rulesMax) this.#entries.delete(rule.id);
    if (this.#entries.size + count > rulesMax) throw faultErrors.tooMany(rulesMax);
  }

  #newId(): string {
    for (;;) {
      const id = `rule-${++this.#made}`;
      if (!this.#entries.has(id)) return id;
    }
  }
}

function fits({ matchers }: Entry, facts: Facts): boolean {
  return matchers.every(([name, matcher]) => [facts[name] ?? []].flat().some((value) => matcher.test(value)));
}

/** Whether the rule acts on this call, which fits it. */
function chosen(entry: Entry): boolean {
  const { nth, first, probability } = entry.rule.when;
  const count = ++entry.matched;
  if (nth !== undefined) return count === nth;
  if (first !== undefined) return count <= first;
  return probability === undefined || entry.random.chance(probability);
}

function lastingWhere({ match }: RuleSpec): string {
  return Object.values(match).join(" ") || "everything";
}
