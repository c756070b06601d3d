// A virtual host: exchanges, queues and what binds them, apart from those of every other. It knows no sockets
// and no rights; doors stand before it.
import type { Millis } from "@micronova/kit";
import type { ExchangeKind } from "./bus.ts";
import { plainTable, type Table } from "./codec/table.ts";
import type { Content } from "./content.ts";
import { deadLetterOf, isCycle, textsOf } from "./dead-letter.ts";
import { definitionsOfNothing, type HostDefinitions, type HostSpec } from "./definitions.ts";
import { argumentDifference, propertyDifference } from "./differences.ts";
import { amqpErrors } from "./errors.ts";
import {
  type BindingRecord,
  BoundExchange,
  type ExchangeSpec,
  type Target,
} from "./exchange/bound-exchange.ts";
import { Policies } from "./policy/policies.ts";
import type { Policy } from "./policy/policy.ts";
import { Deque } from "./queue/deque.ts";
import { MessageQueue, type QueueOptions, type QueueOwner, type QueueSpec } from "./queue/message-queue.ts";
import { argumentNames } from "./queue/queue-arguments.ts";
import type { DeathReason, QueueDeps } from "./queue/queue-deps.ts";
import { assertArgumentsOfType, assertPropertiesOfType, typeOf } from "./queue/queue-types.ts";
import { Turns } from "./queue/turns.ts";
import { HostStats } from "./statistics.ts";
import type { Journal, VirtualHostDeps } from "./virtual-host-deps.ts";

export interface Binding {
  readonly source: string;
  readonly key: string;
  readonly arguments: Table;
}

/** What became of a publish: refused by a queue, taken, or taken once the journal has synced that batch. */
export const refused = -1;
export const taken = 0;

/** A message that left a queue without acknowledgement. */
interface DeadLetter {
  readonly queue: MessageQueue;
  readonly content: Content;
  readonly reason: DeathReason;
  /** Its number in the journal; 0 when it is not there. */
  readonly journalId: number;
}

// So many expired messages are dealt with at once; others must not wait for a million of them.
const expiredATick = 10_000;
const noQueues: readonly MessageQueue[] = [];
const predeclared: readonly (readonly [string, ExchangeKind])[] = [
  ["amq.direct", "direct"],
  ["amq.fanout", "fanout"],
  ["amq.headers", "headers"],
  ["amq.match", "headers"],
  ["amq.rabbitmq.trace", "topic"],
  ["amq.topic", "topic"],
];

export class VirtualHost {
  readonly name: string;
  spec: HostSpec;
  /** Grows whenever a message might go another way, or be refused: what routes by memory looks at it. */
  version = 0;
  readonly stats = new HostStats();
  readonly policies = new Policies(({ name, pattern }, subject) =>
    this.#deps.platform.log.warn(
      { policy: name, pattern, subject },
      "policy given up, its pattern takes too long at a name",
    ),
  );
  /** Every queue is bound to it by its name, and nothing else ever is. */
  readonly defaultExchange = new BoundExchange(permanent("", "direct"));
  readonly #deps: VirtualHostDeps;
  readonly #exchanges = new Map<string, BoundExchange>();
  readonly #queues = new Map<string, MessageQueue>();
  readonly #turns: Turns;
  readonly #queueDeps: QueueDeps;
  #definitions: HostDefinitions = definitionsOfNothing;
  #journal: Journal | null = null;
  /** What the last `enqueue` put into the journal waits for this batch; 0 when it put nothing there. */
  #lastBatch = 0;
  /** Dead letters on their way: sent one after another, since each may cause more. */
  readonly #letters = new Deque<DeadLetter>();
  #isSendingLetters = false;

  constructor(spec: HostSpec, deps: VirtualHostDeps) {
    this.name = spec.name;
    this.spec = spec;
    this.#deps = deps;
    this.#turns = new Turns(deps.platform, deps.closing, (queue) => this.#tick(queue));
    this.#queueDeps = {
      log: deps.platform.log,
      form: deps.form,
      now: () => this.#now(),
      wake: (woken) => this.#turns.wake(woken),
      tickAt: (due, at) => this.#turns.tickAt(due, at),
      deadLetter: (queue, content, reason, journalId) =>
        this.#deadLetter({ queue, content, reason, journalId }),
      pager: deps.pager,
      forget: (from, id) => this.#journal?.settled(from.journalId, id),
    };
    for (const [exchange, kind] of predeclared) this.#addExchange(permanent(exchange, kind));
  }

  /** From now on what is durable is written down. */
  persist(definitions: HostDefinitions, journal: Journal): void {
    this.#definitions = definitions;
    this.#journal = journal;
  }

  /** Its end, with all that is in it. Whoever ends it has struck out its definitions. */
  close(): void {
    this.#definitions = definitionsOfNothing;
    for (const name of [...this.#queues.keys()]) this.deleteQueue(name);
    this.#exchanges.clear();
    this.version++;
  }

  /** Puts a policy, in place of one of its name: what it matches obeys at once. */
  putPolicy(policy: Policy): void {
    this.#definitions.putPolicy(this.name, policy);
    this.policies.put(policy);
    this.#obey();
  }

  dropPolicy(name: string): void {
    this.#definitions.dropPolicy(this.name, name);
    this.policies.drop(name);
    this.#obey();
  }

  #obey(): void {
    this.version++;
    for (const exchange of [this.defaultExchange, ...this.exchanges])
      exchange.policy = this.policies.ofExchange(exchange.name);
    for (const queue of this.queues) queue.obey(this.policies.ofQueue(queue.name, typeOf(queue.spec)));
  }

  /** Whoever routes by memory must ask again. */
  forgetRoutes(): void {
    this.version++;
  }

  get queues(): readonly MessageQueue[] {
    return [...this.#queues.values()];
  }

  get exchanges(): readonly BoundExchange[] {
    return [...this.#exchanges.values()];
  }

  findExchange(name: string): BoundExchange | null {
    return this.#exchanges.get(name) ?? null;
  }

  findQueue(name: string): MessageQueue | null {
    return this.#queues.get(name) ?? null;
  }

  exchange(name: string): BoundExchange {
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) throw amqpErrors.exchangeNotFound(name);
    return exchange;
  }

  /** The empty name is the default exchange's, which nobody declares or binds. */
  exchangeOrDefault(name: string): BoundExchange {
    return name === "" ? this.defaultExchange : this.exchange(name);
  }

  queue(name: string): MessageQueue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw amqpErrors.queueNotFound(name);
    return queue;
  }

  declareExchange(spec: ExchangeSpec): BoundExchange {
    const known = this.#exchanges.get(spec.name);
    if (known === undefined) {
      if (spec.durable) this.#definitions.putExchange(this.name, spec);
      return this.#addExchange(spec);
    }
    const difference =
      propertyDifference(exchangeProperties(spec), exchangeProperties(known.spec)) ??
      argumentDifference(spec.arguments, known.spec.arguments, ["alternate-exchange"]);
    if (difference !== null) throw amqpErrors.exchangeDiffers(spec.name, ...difference);
    return known;
  }

  deleteExchange(name: string, options: { readonly ifUnused?: boolean } = {}): void {
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) return;
    if (options.ifUnused === true && !exchange.isEmpty) throw amqpErrors.exchangeInUse(name);
    this.#exchanges.delete(name);
    for (const binding of exchange.outgoing) this.#drop(binding);
    this.#unbindAll(exchange);
    if (exchange.spec.durable) this.#definitions.dropExchange(this.name, name);
    this.version++;
  }

  /** Declares a queue. `options.owner` is the connection that an exclusive one belongs to. */
  declareQueue(given: QueueSpec, owner: QueueOwner, options: Omit<QueueOptions, "owner"> = {}): MessageQueue {
    // What goes with its connection cannot last, whatever is asked for.
    const spec = given.exclusive ? { ...given, durable: false } : given;
    this.#deps.churn.queue_declared++;
    assertArgumentsOfType(spec);
    const known = this.#queues.get(spec.name);
    if (known === undefined) {
      assertPropertiesOfType(spec);
      return this.#addQueue(spec, owner, options);
    }
    if (known.owner !== (spec.exclusive ? owner : null)) throw amqpErrors.queueLocked(spec.name);
    const differs = (difference: readonly [string, string] | null) => {
      if (difference !== null) throw amqpErrors.queueDiffers(spec.name, ...difference);
    };
    differs(propertyDifference(queueProperties(spec), queueProperties(known.spec)));
    differs(argumentDifference(comparedArguments(spec), comparedArguments(known.spec), argumentNames));
    known.touch();
    return known;
  }

  /** Says how many messages went with it. */
  deleteQueue(
    name: string,
    options: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean } = {},
  ): number {
    const queue = this.#queues.get(name);
    if (queue === undefined) return 0;
    if (options.ifUnused === true && queue.consumerCount > 0) throw amqpErrors.queueInUse(name);
    if (options.ifEmpty === true && queue.readyCount > 0) throw amqpErrors.queueNotEmpty(name);
    this.#queues.delete(name);
    this.#deps.churn.queue_deleted++;
    this.version++;
    this.#turns.forget(queue);
    this.#unbindAll(queue);
    if (queue.spec.durable) this.#definitions.dropQueue(this.name, name);
    const count = queue.readyCount;
    queue.close();
    return count;
  }

  bind(target: Target, { source, key, arguments: args }: Binding): void {
    const binding = this.exchange(source).binding(target, key, args);
    if (target.bindings.has(binding.id)) return;
    if (isDurableBinding(binding)) this.#definitions.putBinding(this.name, binding);
    binding.source.bind(binding);
    this.version++;
  }

  isBound(target: Target, binding: Binding): boolean {
    return this.#findBinding(target, binding) !== null;
  }

  /** What is not bound is as good as unbound. */
  unbind(target: Target, unbound: Binding): void {
    const binding = this.#findBinding(target, unbound);
    if (binding === null) return;
    this.#drop(binding);
    this.#dropIfBare(binding.source);
  }

  #findBinding(target: Target, { source, key, arguments: args }: Binding): BindingRecord | null {
    const exchange = this.#exchanges.get(source);
    return exchange === undefined ? null : target.bindings.get(exchange.binding(target, key, args).id);
  }

  /** The queues a message goes to, each once. */
  route(content: Content): readonly MessageQueue[] {
    const { exchange, key } = content.label;
    const keys = content.wireProperties?.hasHeaders === true ? keysOf(content) : [key];
    if (exchange !== "") return this.#walk(this.exchange(exchange), keys, content);
    if (keys.length > 1) return [...new Set(keys.flatMap((one) => this.#queues.get(one) ?? noQueues))];
    const queue = this.#queues.get(key);
    return queue === undefined ? noQueues : [queue];
  }

  /** Whether all messages with a label go the same way, until `version` grows. */
  isRoutedByKeyAlone(exchange: string): boolean {
    const known = this.#exchanges.get(exchange);
    if (known === undefined) return true;
    // Where other exchanges are on the way, one of them may look at headers.
    return known.spec.kind !== "headers" && !known.leadsToExchanges;
  }

  /** Puts a message into its queues: `refused`, `taken`, or the journal's batch to wait for. */
  enqueue(queues: readonly MessageQueue[], content: Content): number {
    let journalId = 0;
    let batch = taken;
    if (content.isPersistent && this.#journal !== null) {
      const kept = queues.filter((queue) => queue.journalId !== 0);
      if (kept.length > 0) {
        journalId = this.#journal.add(
          content,
          kept.map((queue) => queue.journalId),
        );
        batch = this.#journal.batch;
      }
    }
    this.#lastBatch = batch;
    let isRefused = false;
    for (const queue of queues) {
      const id = queue.journalId === 0 ? 0 : journalId;
      if (id !== 0) queue.stats.disk_writes++;
      if (!queue.refuses(content.size)) queue.push(content, id);
      else {
        isRefused = true;
        if (queue.arguments.overflow === "reject-publish-dlx")
          this.#deadLetter({ queue, content, reason: "maxlen", journalId: id });
        else if (id !== 0) this.#journal?.settled(queue.journalId, id);
      }
    }
    return isRefused ? refused : batch;
  }

  /** After a consumer has left: an auto-deleted queue goes with the last one. */
  consumerLeft(queue: MessageQueue): void {
    if (!queue.isGone && queue.spec.autoDelete && queue.consumerCount === 0) this.deleteQueue(queue.name);
  }

  #addExchange(spec: ExchangeSpec): BoundExchange {
    const exchange = new BoundExchange(spec);
    exchange.policy = this.policies.ofExchange(spec.name);
    this.#exchanges.set(spec.name, exchange);
    this.version++;
    return exchange;
  }

  #addQueue(spec: QueueSpec, owner: QueueOwner, options: Omit<QueueOptions, "owner">): MessageQueue {
    const ownOptions = { ...options, owner: spec.exclusive ? owner : null };
    const queue = new MessageQueue(spec, ownOptions, this.#queueDeps);
    queue.obey(this.policies.ofQueue(spec.name, typeOf(spec)));
    if (spec.durable) queue.journalId = this.#definitions.putQueue(this.name, spec);
    this.#queues.set(spec.name, queue);
    this.#deps.churn.queue_created++;
    this.version++;
    return queue;
  }

  /**
   * Follows exchanges to queues, each once; where an exchange leads nowhere, to its alternate. Every exchange
   * on the way looks at all of the keys.
   */
  #walk(first: BoundExchange, keys: readonly string[], content: Content): readonly MessageQueue[] {
    const found = new Set<MessageQueue>();
    const exchanges = new Set([first]);
    // What is added on the way has its turn.
    for (const exchange of exchanges) {
      const headers = exchange.spec.kind === "headers" ? this.#headers(content) : {};
      const targets =
        keys.length === 1
          ? exchange.targets(keys[0]!, headers)
          : keys.flatMap((key) => exchange.targets(key, headers));
      for (const target of targets) {
        if (target instanceof MessageQueue) found.add(target);
        else exchanges.add(target);
      }
      if (targets.length > 0 || exchange.alternate === null) continue;
      const alternate = this.#exchanges.get(exchange.alternate);
      if (alternate !== undefined) exchanges.add(alternate);
    }
    return [...found];
  }

  #headers(content: Content) {
    const properties = content.wireProperties;
    return properties === null ? (content.busMessage?.headers ?? {}) : plainTable(properties.headers);
  }

  #deadLetter(letter: DeadLetter): void {
    this.#letters.push(letter);
    if (this.#isSendingLetters) return;
    this.#isSendingLetters = true;
    try {
      for (let next = this.#letters.shift(); next !== undefined; next = this.#letters.shift())
        this.#send(next);
    } finally {
      this.#isSendingLetters = false;
    }
  }

  #send({ queue, content, reason, journalId }: DeadLetter): void {
    const name = queue.arguments.deadLetterExchange;
    let after = 0;
    if (name !== null && (name === "" || this.#exchanges.has(name))) {
      const letter = deadLetterOf(content, name, { queue, reason, at: this.#now() }, this.#deps.form);
      const { headers } = letter.properties(this.#deps.form);
      const queues = this.route(letter).filter(
        (other) => reason === "rejected" || !isCycle(headers, other.name),
      );
      this.enqueue(queues, letter);
      after = this.#lastBatch;
    }
    // A crash must find one of the two, the message or its letter.
    if (journalId !== 0) this.#journal?.settled(queue.journalId, journalId, after);
  }

  #unbindAll(target: Target): void {
    for (const binding of [...target.bindings.values()]) {
      this.#drop(binding);
      this.#dropIfBare(binding.source);
    }
  }

  #drop(binding: BindingRecord): void {
    binding.source.unbind(binding);
    this.version++;
    if (isDurableBinding(binding)) this.#definitions.dropBinding(this.name, binding);
  }

  #dropIfBare(exchange: BoundExchange): void {
    if (exchange.spec.autoDelete && exchange.isEmpty) this.deleteExchange(exchange.name);
  }

  #tick(queue: MessageQueue): void {
    if (this.#queues.get(queue.name) !== queue) return;
    queue.dropExpired(expiredATick);
    if (queue.isUnused) {
      this.deleteQueue(queue.name);
      return;
    }
    for (const at of [queue.unusedAt, queue.expiresAt]) if (at !== null) this.#turns.tickAt(queue, at);
  }

  #now(): Millis {
    return this.#deps.platform.clock.now();
  }
}

/** What exchanges compare: the routing key, and what the publisher added in headers. */
function keysOf({ label, wireProperties }: Content): readonly string[] {
  const { CC, BCC } = wireProperties?.headers ?? {};
  return [label.key, ...textsOf(CC), ...textsOf(BCC)];
}

function isDurableBinding({ source, target }: BindingRecord): boolean {
  return source.spec.durable && target.spec.durable;
}

function permanent(name: string, kind: ExchangeKind): ExchangeSpec {
  const internal = name === "amq.rabbitmq.trace";
  return { name, kind, durable: true, autoDelete: false, internal, arguments: {} };
}

function exchangeProperties({ kind, durable, autoDelete, internal }: ExchangeSpec) {
  return { type: kind, durable, auto_delete: autoDelete, internal };
}

function queueProperties({ durable, autoDelete }: QueueSpec) {
  return { durable, auto_delete: autoDelete };
}

/** The type that a queue has when none is named makes no difference. */
function comparedArguments({ arguments: args }: QueueSpec): Table {
  const { "x-queue-type": type, ...others } = args;
  return type === undefined || type === "classic" ? others : args;
}
