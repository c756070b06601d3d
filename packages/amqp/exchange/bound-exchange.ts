// An exchange with what is bound to it. Its bindings lead to queues and to other exchanges.
import type { ExchangeKind, Headers } from "../bus.ts";
import { plainTable, type Table } from "../codec/table.ts";
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
  readonly #router: Router<Target>;

  constructor(spec: ExchangeSpec) {
    this.spec = spec;
    this.#router = routerOf(spec.kind);
  }

  get name(): string {
    return this.spec.name;
  }

  get alternate(): string | null {
    const name = this.spec.arguments["alternate-exchange"];
    return typeof name === "string" ? name : null;
  }

  get isEmpty(): boolean {
    return this.#router.isEmpty;
  }

  /** Says whether it is new. */
  bind(target: Target, key: string, args: Table): boolean {
    const id = bindingId(this, key, args);
    if (target.bindings.has(id)) return false;
    target.bindings.set(id, { source: this, target, key, arguments: args });
    this.#router.bind({ key, headers: plainTable(args) }, target);
    return true;
  }

  /** Says whether there was such a binding. */
  unbind(target: Target, key: string, args: Table): boolean {
    if (!target.bindings.delete(bindingId(this, key, args))) return false;
    const isLast = ![...target.bindings.values()].some((other) => other.source === this && other.key === key);
    // Other kinds do not look at arguments: a second binding under the key keeps the route.
    if (isLast || this.spec.kind === "headers")
      this.#router.unbind({ key, headers: plainTable(args) }, target);
    return true;
  }

  targets(key: string, headers: Headers): readonly Target[] {
    return this.#router.targets({ key, headers });
  }
}

function bindingId(source: BoundExchange, key: string, args: Table): string {
  return JSON.stringify([source.name, key, plainTable(args)]);
}
