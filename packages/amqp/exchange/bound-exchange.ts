// An exchange with what is bound to it. Its bindings lead to queues and to other exchanges.
import type { ExchangeKind, Headers } from "../bus.ts";
import { plainTable, type Table } from "../codec/table.ts";
import type { Policy } from "../policy/policy.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import { ExchangeStats } from "../statistics.ts";
import { Bindings } from "./bindings.ts";
import { type Router, routerOf } from "./router.ts";

export interface ExchangeSpec {
  readonly name: string;
  readonly kind: ExchangeKind;
  readonly durable: boolean;
  /** Deleted with its last binding. */
  readonly autoDelete: boolean;
  /** Reached from other exchanges alone. */
  readonly internal: boolean;
  readonly arguments: Table;
}

export type Target = MessageQueue | BoundExchange;

export interface BindingRecord {
  /** What tells it from the others of its target. */
  readonly id: string;
  readonly source: BoundExchange;
  readonly target: Target;
  readonly key: string;
  readonly arguments: Table;
}

export class BoundExchange {
  readonly spec: ExchangeSpec;
  /** What it is bound to itself, by identity. */
  readonly bindings = new Bindings();
  readonly stats = new ExchangeStats();
  policy: Policy | null = null;
  readonly #router: Router<Target>;
  /** What is bound to it. */
  readonly #outgoing = new Set<BindingRecord>();
  #exchangesBound = 0;
  /** How many bindings with arguments each target has under a key: most have none. */
  readonly #argued = new Map<Target, Map<string, number>>();

  constructor(spec: ExchangeSpec) {
    this.spec = spec;
    this.#router = routerOf(spec.kind);
  }

  get name(): string {
    return this.spec.name;
  }

  get alternate(): string | null {
    const name = this.spec.arguments["alternate-exchange"] ?? this.policy?.definition["alternate-exchange"];
    return typeof name === "string" ? name : null;
  }

  get isEmpty(): boolean {
    return this.#router.isEmpty;
  }

  get outgoing(): ReadonlySet<BindingRecord> {
    return this.#outgoing;
  }

  /** Whether messages may go through other exchanges. */
  get leadsToExchanges(): boolean {
    return this.#exchangesBound > 0 || this.alternate !== null;
  }

  /** The binding as it would be; it is there when its target has one of that `id`. */
  binding(target: Target, key: string, args: Table): BindingRecord {
    return {
      id: JSON.stringify([this.name, key, plainTable(args)]),
      source: this,
      target,
      key,
      arguments: args,
    };
  }

  /** Adds one that is not there. */
  bind(binding: BindingRecord): void {
    const { id, target, key, arguments: args } = binding;
    target.bindings.set(id, binding);
    this.#outgoing.add(binding);
    if (target instanceof BoundExchange) this.#exchangesBound++;
    if (this.#looksAtKeysAlone && !isBare(args)) this.#countArgued(target, key, 1);
    this.#router.bind({ key, headers: plainTable(args) }, target);
  }

  /** Takes out one that is there. */
  unbind(binding: BindingRecord): void {
    const { id, target, key, arguments: args } = binding;
    target.bindings.delete(id);
    this.#outgoing.delete(binding);
    if (target instanceof BoundExchange) this.#exchangesBound--;
    if (this.#looksAtKeysAlone) {
      if (!isBare(args)) this.#countArgued(target, key, -1);
      // A second binding under the key keeps the route.
      if (this.#argued.get(target)?.has(key) === true) return;
      if (target.bindings.has(this.binding(target, key, {}).id)) return;
    }
    this.#router.unbind({ key, headers: plainTable(args) }, target);
  }

  get #looksAtKeysAlone(): boolean {
    return this.spec.kind !== "headers";
  }

  #countArgued(target: Target, key: string, change: 1 | -1): void {
    const counts = this.#argued.get(target) ?? new Map<string, number>();
    this.#argued.set(target, counts);
    const count = (counts.get(key) ?? 0) + change;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
    if (counts.size === 0) this.#argued.delete(target);
  }

  targets(key: string, headers: Headers): readonly Target[] {
    return this.#router.targets({ key, headers });
  }
}

function isBare(args: Table): boolean {
  for (const _ in args) return false;
  return true;
}
