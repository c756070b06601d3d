// One queue: messages in order, consumers that take turns, and what they hold unacknowledged. Knows no
// exchange and no socket; it asks its broker for a turn (`wake`) and delivers when it gets one. Only a direct
// consumer (a socket) of an empty queue gets its message on the publisher's stack.
import type { Millis } from "@micronova/kit";
import type { Table } from "../codec/table.ts";
import type { Content } from "../content.ts";
import { amqpErrors } from "../errors.ts";
import { Bindings } from "../exchange/bindings.ts";
import { effectiveArguments } from "../policy/effective-arguments.ts";
import type { Policy } from "../policy/policy.ts";
import { MessageStats } from "../statistics.ts";
import { type Backlog, type Paged, priorityBacklog } from "./backlog.ts";
import { Consumers } from "./consumers.ts";
import { Entry, type QueueConsumer, type RestoredMessage, type RestoredPage } from "./entry.ts";
import { PagedLine } from "./paged-line.ts";
import { type QueueArguments, readQueueArguments } from "./queue-arguments.ts";
import type { DeathReason, QueueDeps } from "./queue-deps.ts";
import { countedDelivery, typeOf } from "./queue-types.ts";

export interface QueueSpec {
  readonly name: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Table;
}

/** Whose a queue may be alone: anybody, who may want to hear of its end. */
export type QueueOwner = object & { readonly queueGone?: (queue: MessageQueue) => void };

export interface QueueOptions {
  /** Null when it may be shared. */
  readonly owner: QueueOwner | null;
  /** How many messages wait at most when its arguments do not say; publishers are refused beyond. */
  readonly lengthMax?: number;
}

// Restored messages stand before all that come: a place is the number of its publish.
const firstPlace = Number.MIN_SAFE_INTEGER;
// More than a burst, and little enough to be delivered soon.
const behindMax = 1_000;
const behindBytesMax = 4 * 1024 * 1024;
const never = Number.POSITIVE_INFINITY;

export class MessageQueue {
  readonly spec: QueueSpec;
  /** What holds: what was declared, and what its policy adds. */
  arguments: QueueArguments;
  policy: Policy | null = null;
  readonly owner: QueueOwner | null;
  /** Its number in the journal, when it is durable and there is one. */
  journalId = 0;
  /** What is bound to it, by identity. */
  readonly bindings = new Bindings();
  readonly stats = new MessageStats();
  isGone = false;
  readonly #deps: QueueDeps;
  readonly #declared: QueueArguments;
  readonly #lengthMaxDefault: number;
  /** Whether messages say how often they have come back. */
  readonly #isCounting: boolean;
  readonly #ready: Backlog;
  readonly #consumers: Consumers;
  #restored = 0;
  #bytes = 0;
  #unacknowledged = 0;
  #unacknowledgedBytes = 0;
  /** Of all that is in it or held: what the journal has. */
  #persistent = 0;
  #persistentBytes = 0;
  #expiring = 0;
  #unusedSince: Millis;

  constructor(spec: QueueSpec, options: QueueOptions, deps: QueueDeps) {
    this.spec = spec;
    this.#declared = readQueueArguments(spec.name, spec.arguments);
    this.arguments = this.#declared;
    this.owner = options.owner;
    this.#deps = deps;
    this.#lengthMaxDefault = options.lengthMax ?? never;
    this.#isCounting = typeOf(spec) === "quorum";
    const { priorityMax, isSingleActive } = this.arguments;
    const line = () => new PagedLine(this, deps.pager());
    this.#ready = priorityMax === null ? line() : priorityBacklog(priorityMax, line);
    this.#consumers = new Consumers(isSingleActive);
    this.#unusedSince = deps.now();
    this.#tickWhenUnused();
  }

  get name(): string {
    return this.spec.name;
  }

  get readyCount(): number {
    this.dropExpired();
    return this.#ready.size;
  }

  get readyBytes(): number {
    return this.#bytes;
  }

  get unacknowledgedCount(): number {
    return this.#unacknowledged;
  }

  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes;
  }

  get persistentCount(): number {
    return this.#persistent;
  }

  get persistentBytes(): number {
    return this.#persistentBytes;
  }

  /** Of what waits: what is not in memory. */
  get paged(): Paged {
    return this.#ready.paged;
  }

  /** The message that waits first. */
  get head(): Content | null {
    return this.#ready.front()?.content ?? null;
  }

  /** Whether so much waits, although somebody consumes, that its consumers should be heard first. */
  get isBehind(): boolean {
    return this.consumerCount > 0 && (this.#ready.size > behindMax || this.#bytes > behindBytesMax);
  }

  get consumerCount(): number {
    return this.#consumers.count;
  }

  get consumers(): readonly QueueConsumer[] {
    return this.#consumers.all;
  }

  /** From now on this policy holds: for what waits already, but for its time to live. */
  obey(policy: Policy | null): void {
    if (policy === this.policy) return;
    this.policy = policy;
    this.arguments = effectiveArguments(this.#declared, this.spec.arguments, policy);
    this.touch();
    this.#tickWhenUnused();
    this.#dropHeads();
  }

  /** Whether it has been without use for longer than it may. */
  get isUnused(): boolean {
    const { expiresMs } = this.arguments;
    if (expiresMs === null || this.consumerCount > 0) return false;
    return this.#deps.now() - this.#unusedSince >= expiresMs;
  }

  /** Declared again or read from: counts as use. */
  touch(): void {
    if (this.arguments.expiresMs !== null) this.#unusedSince = this.#deps.now();
  }

  /** Whether one more message of this size may come, or must be refused to its publisher. */
  refuses(size: number): boolean {
    const { overflow, lengthMax, bytesMax } = this.arguments;
    if (this.#ready.size >= this.#lengthMaxDefault) return this.readyCount >= this.#lengthMaxDefault;
    if (overflow === "drop-head") return false;
    if (lengthMax !== null && this.readyCount >= lengthMax) return true;
    if (bytesMax === null || this.#bytes + size <= bytesMax) return false;
    this.dropExpired();
    return this.#bytes + size > bytesMax;
  }

  assertRoom(size: number): void {
    if (this.refuses(size))
      throw amqpErrors.queueFull(this.name, this.arguments.lengthMax ?? this.#lengthMaxDefault);
  }

  push(content: Content, journalId = 0): void {
    const place = this.stats.publish++;
    if (this.#ready.size === 0 && this.#consumers.areDirect) {
      const consumer = this.#consumers.next();
      if (consumer !== null) {
        this.#hand(consumer, content, place, journalId);
        return;
      }
    }
    content.keep();
    const entry = this.#newEntry(content, place, journalId);
    this.#ready.push(entry);
    this.#bytes += entry.size;
    this.#noteExpiry(entry);
    this.#dropHeads();
    if (this.consumerCount > 0) this.#deps.wake(this);
  }

  /**
   * Puts back what was there before a restart: what has no time to live is read when its turn comes, the rest
   * at once. Its time goes on from when it came.
   */
  restore(pages: readonly RestoredPage[]): void {
    const { ttlMs } = this.arguments;
    const isLasting = ttlMs === null && !pages.some(({ mayExpire }) => mayExpire);
    for (const page of pages) {
      this.#bytes += page.bodyBytes;
      this.#persistent += page.count;
      this.#persistentBytes += page.bodyBytes;
      const read = () => page.read().map((message) => this.#restoredEntry(message, isLasting));
      if (isLasting && this.#ready instanceof PagedLine) {
        this.#ready.restore({ count: page.count, bodyBytes: page.bodyBytes, read });
        continue;
      }
      for (const entry of read()) {
        entry.content.keep();
        this.#ready.push(entry);
        this.#noteExpiry(entry);
      }
    }
  }

  add(consumer: QueueConsumer): void {
    const isShared = this.consumerCount > 0 || this.arguments.isSingleActive;
    if (this.#consumers.hasExclusive || (consumer.isExclusive && isShared))
      throw amqpErrors.consumedExclusively(this.name);
    this.#consumers.add(consumer);
    this.#deps.wake(this);
  }

  /** Ends a consumer's deliveries; what it holds stays with it. */
  remove(consumer: QueueConsumer): void {
    this.#consumers.remove(consumer);
    this.touch();
    this.#tickWhenUnused();
    if (this.#ready.size > 0) this.#deps.wake(this);
  }

  isActive(consumer: QueueConsumer): boolean {
    return this.#consumers.isActive(consumer);
  }

  /** Asks for a turn if there is anything to deliver: a consumer has room again. */
  wake(): void {
    if (this.#ready.size > 0) this.#deps.wake(this);
  }

  /** Delivers up to `countMax` messages; true when there may be more to deliver. */
  deliver(countMax: number): boolean {
    for (let delivered = 0; delivered < countMax; delivered++) {
      this.dropExpired();
      if (this.#ready.size === 0) return false;
      const consumer = this.#consumers.next();
      if (consumer === null) return false;
      // `size` says that there is one.
      this.#give(consumer, this.#take() as Entry);
    }
    return true;
  }

  /** Takes one message for `basic.get`; the caller settles it. */
  get(): Entry | null {
    this.touch();
    this.dropExpired();
    const entry = this.#take();
    if (entry === undefined) return null;
    this.#hold(entry);
    return entry;
  }

  /** An entry is acknowledged, returned to its place, or rejected. */
  settle(entry: Entry, how: "ack" | "return" | "reject"): void {
    if (this.isGone) {
      this.#forget(entry);
      return;
    }
    this.#unacknowledged--;
    this.#unacknowledgedBytes -= entry.size;
    entry.holder = null;
    if (how === "return" && this.#comesBackOnceMore(entry)) {
      entry.redelivered = true;
      entry.content.keep();
      this.#ready.insert(entry);
      this.#bytes += entry.size;
      this.#noteExpiry(entry);
      this.#dropHeads();
    } else {
      if (how === "ack") this.#forget(entry);
      else this.#bury(entry, how === "reject" ? "rejected" : "delivery_limit");
    }
    if (this.#ready.size > 0) this.#deps.wake(this);
  }

  /** A message as whoever takes it gets it. */
  delivered(content: Content, returns: number): Content {
    return this.#isCounting ? countedDelivery(content, returns, this.#deps.form) : content;
  }

  /** Counts a return; false when that was one too many. */
  #comesBackOnceMore(entry: Entry): boolean {
    entry.returns++;
    const { deliveryLimit } = this.arguments;
    return !this.#isCounting || deliveryLimit === null || entry.returns <= deliveryLimit;
  }

  /** Empties it of what waits; says how many that were. */
  purge(): number {
    const purged = this.readyCount;
    this.#ready.clear((entry) => this.#forget(entry));
    this.#expiring = 0;
    this.#bytes = 0;
    return purged;
  }

  /** Its end: consumers are told, and nothing that is still held comes back. */
  close(): void {
    this.purge();
    this.isGone = true;
    for (const consumer of this.#consumers.all) consumer.queueGone();
    this.owner?.queueGone?.(this);
  }

  /**
   * Drops the messages at the front whose time is over, up to so many. As in RabbitMQ, one behind a younger
   * front waits its turn.
   */
  dropExpired(countMax = never): void {
    if (this.#expiring === 0) return;
    const now = this.#deps.now();
    let left = countMax;
    this.#ready.sift(
      (entry) => entry.expiresAt <= now && left > 0,
      (entry) => {
        left--;
        this.#count(entry);
        this.#bury(entry, "expired");
      },
    );
  }

  /** When a message at the front expires; null when none does. */
  get expiresAt(): Millis | null {
    if (this.#expiring === 0) return null;
    const next = this.#ready.nextExpiry;
    return next === never ? null : next;
  }

  #newEntry(content: Content, place: number, journalId: number): Entry {
    const entry = this.#entry(content, place, journalId, this.#expiry(content));
    if (journalId !== 0) {
      this.#persistent++;
      this.#persistentBytes += entry.size;
    }
    return entry;
  }

  /** What was lasting when it was put back is so still, whatever policies have come since. */
  #restoredEntry({ id, at, content }: RestoredMessage, isLasting: boolean): Entry {
    const expiresAt = isLasting ? never : this.#expiry(content, at);
    const entry = this.#entry(content, firstPlace + this.#restored++, id, expiresAt);
    // Whether it had been delivered nobody knows; it may have been.
    entry.redelivered = true;
    return entry;
  }

  #entry(content: Content, place: number, journalId: number, expiresAt: Millis): Entry {
    const { size } = content;
    return new Entry({
      queue: this,
      content,
      place,
      expiresAt,
      journalId,
      size,
      redelivered: false,
      returns: 0,
    });
  }

  #expiry({ expirationMs }: Content, at = this.#deps.now()): Millis {
    const { ttlMs } = this.arguments;
    if (expirationMs === null && ttlMs === null) return never;
    return at + Math.min(expirationMs ?? never, ttlMs ?? never);
  }

  #noteExpiry(entry: Entry): void {
    if (entry.expiresAt === never) return;
    this.#expiring++;
    // Those behind are asked for when the front goes.
    if (this.#ready.front() === entry || this.arguments.priorityMax !== null) this.#dropNext();
  }

  #tickWhenUnused(): void {
    const { expiresMs } = this.arguments;
    if (expiresMs !== null && this.consumerCount === 0)
      this.#deps.tickAt(this, this.#unusedSince + expiresMs);
  }

  /** When to look at it again for want of use; null when that is not due at all. */
  get unusedAt(): Millis | null {
    const { expiresMs } = this.arguments;
    return expiresMs === null || this.consumerCount > 0 ? null : this.#unusedSince + expiresMs;
  }

  #dropHeads(): void {
    const { overflow, lengthMax, bytesMax } = this.arguments;
    if (overflow !== "drop-head" || (lengthMax === null && bytesMax === null)) return;
    const isOver = () => this.#ready.size > (lengthMax ?? never) || this.#bytes > (bytesMax ?? never);
    if (!isOver()) return;
    this.dropExpired();
    for (let entry = isOver() ? this.#take() : undefined; entry !== undefined; ) {
      this.#bury(entry, "maxlen");
      entry = isOver() ? this.#take() : undefined;
    }
  }

  #bury(entry: Entry, reason: DeathReason): void {
    this.#uncount(entry);
    this.#deps.deadLetter(this, entry.content, reason, entry.journalId);
  }

  #forget(entry: Entry): void {
    this.#uncount(entry);
    if (entry.journalId !== 0) this.#deps.forget(this, entry.journalId);
  }

  #uncount(entry: Entry): void {
    if (entry.journalId === 0) return;
    this.#persistent--;
    this.#persistentBytes -= entry.size;
  }

  #take(): Entry | undefined {
    const entry = this.#ready.shift();
    if (entry !== undefined) this.#count(entry);
    if (this.#expiring > 0) this.#dropNext();
    return entry;
  }

  /** What is at the front now may be due sooner than what was there, or at once. */
  #dropNext(): void {
    const next = this.#ready.nextExpiry;
    if (next <= this.#deps.now()) this.dropExpired();
    else if (next !== never) this.#deps.tickAt(this, next);
  }

  /** An entry has left the backlog. */
  #count(entry: Entry): void {
    this.#bytes -= entry.size;
    if (entry.expiresAt !== never) this.#expiring--;
  }

  #hand(consumer: QueueConsumer, content: Content, place: number, journalId: number): void {
    if (consumer.noAck) {
      this.stats.deliver_no_ack++;
      consumer.takeContent(this.delivered(content, 0), false);
      if (journalId !== 0) this.#deps.forget(this, journalId);
    } else {
      this.#give(consumer, this.#newEntry(content, place, journalId));
    }
  }

  #give(consumer: QueueConsumer, entry: Entry): void {
    if (entry.redelivered) this.stats.redeliver++;
    if (consumer.noAck) {
      this.#forget(entry);
      this.stats.deliver_no_ack++;
      consumer.takeContent(entry.delivered, entry.redelivered);
    } else {
      this.stats.deliver++;
      this.#hold(entry);
      entry.holder = consumer;
      consumer.takeEntry(entry);
    }
  }

  #hold(entry: Entry): void {
    this.#unacknowledged++;
    this.#unacknowledgedBytes += entry.size;
  }
}
