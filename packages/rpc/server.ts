// The answering side. A call is acknowledged by hand after its work; repeated, late and outdated calls never
// reach a handler; calls on one subject wait in its lane; and while the work goes on the caller hears a beat.
import type { Bus, Consumer, Delivery } from "@micronova/amqp";
import {
  Fault,
  type Millis,
  type Platform,
  type Service,
  SpanCollector,
  sleepUnlessAborted,
  span,
} from "@micronova/kit";
import { Beats } from "./beats.ts";
import type { CallInfo, Contract, Fence, FenceStore } from "./contract.ts";
import { rpcErrors } from "./errors.ts";
import { asFault, failureOf } from "./failures.ts";
import { consumeFanout } from "./fanout.ts";
import { Lanes } from "./lanes.ts";
import { workExchange, workQueue } from "./names.ts";
import type { Parking } from "./parking.ts";
import { RecentMap } from "./recent-map.ts";
import { isNoted, isPoison, note, redeliveriesOf } from "./redeliveries.ts";
import { Replies } from "./replies.ts";
import { type CallMessage, contextOf, isCompatible, type ReplyMessage, readCall } from "./wire.ts";

type Handler = (args: unknown, info: CallInfo) => Promise<unknown>;
type Answer = Pick<ReplyMessage, "result" | "failure" | "ending" | "_spans">;

export interface ServerDeps {
  readonly platform: Platform;
  readonly bus: Bus;
  readonly parking: Parking;
  readonly contract: Contract;
  readonly target: string;
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly fences: FenceStore;
  /** How many messages it takes at a time; their callers hear its beats. */
  readonly prefetch: number;
  /** How many of them it works on. */
  readonly atOnce: number;
  /** Ids of what the process's servers have taken: an id is of one message, whichever of them gets it. */
  readonly taken: RecentMap<true>;
  /** A name that nothing else on the bus has. */
  readonly newId: () => string;
}

/** How a call came. */
interface Taken {
  readonly fence: Fence | null;
  /** Monotonic. */
  readonly takenAt: Millis;
}

// How long `stop` waits for handlers. What runs longer is redelivered or times out at its caller.
const stopWithinMs: Millis = 30_000;
// And then for the broker to have their answers: one that is away is not waited for.
const answersWithinMs: Millis = 2_000;
const beat: Answer = { result: null, failure: null, ending: false };

export class RpcServer implements Service {
  readonly name: string;
  readonly #deps: ServerDeps;
  readonly #id: string;
  readonly #lanes: Lanes;
  readonly #beats: Beats;
  readonly #replies: Replies;
  /** Calls whose work goes on, with every delivery of each: they are settled together. */
  readonly #inHand = new Map<string, Delivery[]>();
  // A lost connection gives back at most `prefetch` calls whose acknowledgement was under way.
  readonly #answers: RecentMap<ReplyMessage>;
  /** Messages that came back, while their count is being written into them. */
  readonly #noting = new Map<string, Promise<void>>();
  readonly #consumers: Consumer[] = [];
  /** Calls in hand whose outcome is not known yet. */
  #unanswered = 0;
  /** Called at every step towards being done. */
  #progress: () => void = () => undefined;

  constructor(deps: ServerDeps) {
    this.name = `rpc ${deps.target}`;
    this.#deps = deps;
    this.#id = deps.newId();
    this.#lanes = new Lanes(deps.atOnce);
    this.#answers = new RecentMap(Math.max(deps.prefetch, 1));
    this.#replies = new Replies(deps);
    this.#beats = new Beats(deps.platform.clock, (call) => this.#beat(call));
  }

  async start(): Promise<void> {
    const { bus, parking, contract, target, prefetch } = this.#deps;
    await bus.declare(workExchange);
    const handle = (delivery: Delivery) => this.#takeFanout(delivery);
    this.#consumers.push(await consumeFanout(bus, parking, { topic: contract.topic, id: this.#id, handle }));
    const work = workQueue(target);
    this.#consumers.push(await parking.consume(work, { prefetch }, (delivery) => this.#takeWork(delivery)));
  }

  async stop(): Promise<void> {
    for (const consumer of this.#consumers.splice(0)) await consumer.cancel();
    await this.#until(() => this.#unanswered === 0, stopWithinMs);
    const areTold = () => this.#inHand.size === this.#unanswered && this.#noting.size === 0;
    await this.#until(areTold, answersWithinMs);
    const { platform, target } = this.#deps;
    if (this.#inHand.size > 0) platform.log.warn({ target, calls: this.#inHand.size }, "calls abandoned");
    this.#replies.close();
  }

  /** Waits until it is so, or for so long. */
  async #until(isSo: () => boolean, withinMs: Millis): Promise<void> {
    if (isSo()) return;
    const patience = new AbortController();
    this.#progress = () => {
      if (isSo()) patience.abort();
    };
    await sleepUnlessAborted(this.#deps.platform.clock, withinMs, patience.signal);
  }

  #takeWork(delivery: Delivery): void {
    const call = readCall(delivery.message.body);
    if (this.#isRepeated(call._unique_id, call, delivery)) return;
    const redeliveries = redeliveriesOf(delivery);
    if (isPoison(redeliveries)) throw rpcErrors.redelivered(redeliveries);
    if (isNoted(delivery)) this.#beginNoted(call._unique_id, call, delivery);
    else this.#noting.set(call._unique_id, this.#note(call._unique_id, delivery));
  }

  /** Each of the process's servers gets its own of one message. */
  #takeFanout(delivery: Delivery): void {
    const call = readCall(delivery.message.body);
    const id = `${this.#id} ${call._unique_id}`;
    if (!this.#isRepeated(id, call, delivery)) this.#begin(id, call, delivery);
  }

  /** What this process has taken before is settled with the first, or answered again, or let go. */
  #isRepeated(id: string, call: CallMessage, delivery: Delivery): boolean {
    const { taken } = this.#deps;
    if (taken.get(id) === undefined) return false;
    const inHand = this.#inHand.get(id);
    const answer = this.#answers.get(id);
    if (inHand !== undefined) inHand.push(delivery);
    else if (answer === undefined) delivery.ack();
    else void this.#replies.send(call, answer).then(() => delivery.ack());
    return true;
  }

  async #note(id: string, delivery: Delivery): Promise<void> {
    const { bus, parking, target } = this.#deps;
    try {
      await note(bus, target, delivery);
    } catch (error) {
      await parking.park(target, delivery, error);
    }
    this.#noting.delete(id);
    this.#progress();
  }

  /** One that is only being noted may come back before that is safe. */
  #beginNoted(id: string, call: CallMessage, delivery: Delivery): void {
    const noting = this.#noting.get(id);
    if (noting === undefined) this.#begin(id, call, delivery);
    else void noting.then(() => this.#isRepeated(id, call, delivery) || this.#begin(id, call, delivery));
  }

  #begin(id: string, call: CallMessage, delivery: Delivery): void {
    this.#deps.taken.set(id, true);
    this.#inHand.set(id, [delivery]);
    this.#unanswered++;
    this.#beats.begin(call);
    // `#work` turns every error into an answer.
    void this.#work(id, call).then(() => this.#finish(id, call));
  }

  #finish(id: string, call: CallMessage): void {
    this.#beats.end(call);
    for (const delivery of this.#inHand.get(id) ?? []) delivery.ack();
    this.#inHand.delete(id);
    this.#progress();
  }

  async #work(id: string, call: CallMessage): Promise<void> {
    const fence = call._fence ?? null;
    const taken = { fence, takenAt: this.#deps.platform.clock.monotonic() };
    const work = () => this.#traced(call, () => this.#outcome(call, taken));
    const answer = await this.#lanes.run(fence?.subject ?? null, work);
    this.#unanswered--;
    this.#progress();
    const reply = this.#replyTo(call, answer);
    if (reply === null) return;
    this.#answers.set(id, reply);
    await this.#replies.send(call, reply);
  }

  /** The outcome, with what took how long where the caller wants to know. */
  async #traced(call: CallMessage, work: () => Promise<Answer>): Promise<Answer> {
    if (call._traced !== true) return work();
    const collector = new SpanCollector(this.#deps.platform.clock);
    const answer = await collector.run(() => span(`${this.#deps.target} ${call.method}`, work));
    return { ...answer, _spans: collector.spans };
  }

  async #outcome(call: CallMessage, { fence, takenAt }: Taken): Promise<Answer> {
    try {
      const { handler, args } = this.#heard(call, takenAt);
      if (fence !== null) await this.#pass(fence);
      const info = { context: contextOf(call), operation: call._operation ?? null };
      const result = await handler(args, info);
      return { result: result ?? null, failure: null, ending: true };
    } catch (error) {
      this.#report(call, error);
      return { result: null, failure: failureOf(asFault(error)), ending: true };
    }
  }

  /** Who answers it; throws when it is too late, or not for this contract. */
  #heard({ method, args, namespace, version, _time_left: timeLeft }: CallMessage, takenAt: Millis) {
    const { contract, handlers, target, platform } = this.#deps;
    const hasWaited = platform.clock.monotonic() - takenAt;
    if (timeLeft !== undefined && hasWaited >= timeLeft) throw rpcErrors.late(target, method);
    const isOurs = (namespace ?? null) === contract.namespace;
    if (!isOurs || !isCompatible(contract.version, version ?? "1.0"))
      throw rpcErrors.unsupportedVersion(target, wanted(version, namespace), contract.version);
    const handler = Object.hasOwn(contract.methods, method) ? handlers[method] : undefined;
    if (handler === undefined) throw rpcErrors.noSuchMethod(target, method);
    return { handler, args: args ?? {} };
  }

  /**
   * Lets the call by if none newer was seen, and remembers it first: also a call that fails has been here.
   */
  async #pass({ subject, counter }: Fence): Promise<void> {
    const seen = this.#deps.fences.seen(subject);
    if (counter < seen) throw rpcErrors.fenced(subject, counter, seen);
    if (counter > seen) await this.#deps.fences.raise(subject, counter);
  }

  /** A Fault is the caller's to deal with; anything else is a bug here, which someone must see. */
  #report(call: CallMessage, error: unknown): void {
    const { log } = this.#deps.platform;
    const fields = {
      target: this.#deps.target,
      method: call.method,
      requestId: call._context_request_id,
      error,
    };
    if (error instanceof Fault) log.debug(fields, "call refused");
    else log.error(fields, "call failed");
  }

  /** The answer as a message; null when nobody waits for one. */
  #replyTo({ _msg_id: id, _reply_q: queue }: CallMessage, answer: Answer): ReplyMessage | null {
    if (typeof id !== "string" || typeof queue !== "string") return null;
    return { ...answer, _msg_id: id, _unique_id: this.#deps.newId() };
  }

  #beat(call: CallMessage): void {
    const reply = this.#replyTo(call, beat);
    if (reply !== null) void this.#replies.send(call, reply);
  }
}

function wanted(version: unknown, namespace: unknown): string {
  return `${String(version ?? "1.0")}${namespace == null ? "" : ` of namespace ${String(namespace)}`}`;
}
