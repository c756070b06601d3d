// The answering side. A call is acknowledged by hand after its work; repeated, late and outdated calls never
// reach a handler; calls on one subject wait in its lane; and while the work goes on the caller hears a beat.
import { amqpErrors, type Bus, type Consumer, type Delivery } from "@micronova/amqp";
import { Fault, isFault, type Millis, type Platform, type Service } from "@micronova/kit";
import type { CallInfo, Contract, Fence, FenceStore } from "./contract.ts";
import { rpcErrors } from "./errors.ts";
import { Lanes } from "./lanes.ts";
import { workExchange, workQueue } from "./names.ts";
import type { RecentIds } from "./recent-ids.ts";
import {
  asFault,
  asJson,
  type CallMessage,
  contextOf,
  failureOf,
  type ReplyMessage,
  readCall,
} from "./wire.ts";

type Handler = (args: unknown, info: CallInfo) => Promise<unknown>;

export interface ServerDeps {
  readonly platform: Platform;
  readonly bus: Bus;
  readonly contract: Contract;
  readonly target: string;
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly fences: FenceStore;
  readonly prefetch: number;
  /** Shared by the process's servers: an id is of one message, wherever it is delivered. */
  readonly recent: RecentIds;
}

// Callers measure silence: shorter than any sensible timeout, long enough to cost nothing.
const beatEveryMs: Millis = 2_000;
// How long `stop` waits for handlers. What runs longer is redelivered or times out at its caller.
const stopWithinMs: Millis = 30_000;

export class RpcServer implements Service {
  readonly name: string;
  readonly #deps: ServerDeps;
  readonly #lanes = new Lanes();
  readonly #inHand = new Set<CallMessage>();
  #consumer: Consumer | null = null;
  #isBeating = false;
  #whenIdle: (() => void) | null = null;

  constructor(deps: ServerDeps) {
    this.name = `rpc ${deps.target}`;
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { bus, target, prefetch } = this.#deps;
    await bus.declare(workExchange);
    this.#consumer = await bus.consume(workQueue(target), { prefetch }, (delivery) => this.#take(delivery));
  }

  async stop(): Promise<void> {
    await this.#consumer?.cancel();
    if (this.#inHand.size === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
    const { clock, log } = this.#deps.platform;
    const patience = new AbortController();
    // The sleep is aborted when idleness wins; then it has nothing left to say.
    await Promise.race([idle, clock.sleep(stopWithinMs, patience.signal).catch(() => undefined)]);
    patience.abort();
    if (this.#inHand.size > 0)
      log.warn({ target: this.#deps.target, calls: this.#inHand.size }, "calls abandoned");
  }

  #take(delivery: Delivery): void {
    const call = readCall(delivery.message.body);
    if (call === null) {
      this.#deps.platform.log.warn({ queue: this.#deps.target }, "message is not a call");
      delivery.ack();
    } else if (this.#deps.recent.add(call._unique_id)) {
      this.#inHand.add(call);
      this.#beatLater();
      // `#work` turns every error into an answer.
      void this.#work(call).then(() => this.#finish(call, delivery));
    } else {
      delivery.ack();
    }
  }

  #finish(call: CallMessage, delivery: Delivery): void {
    this.#inHand.delete(call);
    delivery.ack();
    if (this.#inHand.size === 0) this.#whenIdle?.();
  }

  #work(call: CallMessage): Promise<void> {
    const { _fence: fence } = call;
    if (fence === undefined) return this.#answer(call, null);
    return this.#lanes.run(fence.subject, () => this.#answer(call, fence));
  }

  async #answer(call: CallMessage, fence: Fence | null): Promise<void> {
    try {
      this.#assertTimely(call);
      if (fence !== null) await this.#pass(fence);
      const info = { context: contextOf(call), operation: call._operation ?? null };
      const result = await this.#handler(call.method)(call.args, info);
      await this.#reply(call, { result: result ?? null, failure: null, ending: true });
    } catch (error) {
      this.#report(call, error);
      await this.#reply(call, { result: null, failure: failureOf(asFault(error)), ending: true });
    }
  }

  #assertTimely(call: CallMessage): void {
    const { _deadline: deadline, method } = call;
    if (deadline === undefined || deadline > this.#deps.platform.clock.now()) return;
    throw rpcErrors.late(this.#deps.target, method);
  }

  /**
   * Lets the call by if none newer was seen, and remembers it first: also a call that fails has been here.
   */
  async #pass({ subject, counter }: Fence): Promise<void> {
    const seen = this.#deps.fences.seen(subject);
    if (counter < seen) throw rpcErrors.fenced(subject, counter, seen);
    if (counter > seen) await this.#deps.fences.raise(subject, counter);
  }

  #handler(method: string): Handler {
    const { contract, handlers, target } = this.#deps;
    const handler = Object.hasOwn(contract.methods, method) ? handlers[method] : undefined;
    if (handler === undefined) throw rpcErrors.noSuchMethod(target, method);
    return handler;
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

  async #reply(
    call: CallMessage,
    answer: Pick<ReplyMessage, "result" | "failure" | "ending">,
  ): Promise<void> {
    const { _msg_id: id, _reply_q: queue } = call;
    if (id === undefined || queue === undefined) return;
    const body = asJson({ ...answer, _msg_id: id, _unique_id: id });
    try {
      await this.#deps.bus.publish({ exchange: queue, key: queue }, { body });
    } catch (error) {
      const isGone = isFault(error, amqpErrors.exchangeNotFound) || isFault(error, amqpErrors.closed);
      const fields = { queue, method: call.method, error };
      // A caller that has gone asks again if it still wants to know; anything else someone should hear of.
      if (isGone) this.#deps.platform.log.debug(fields, "caller has gone");
      else this.#deps.platform.log.error(fields, "answer could not be sent");
    }
  }

  /** Beats for everything in hand, for as long as there is something. */
  #beatLater(): void {
    if (this.#isBeating) return;
    this.#isBeating = true;
    void this.#deps.platform.clock.sleep(beatEveryMs).then(() => {
      this.#isBeating = false;
      for (const call of this.#inHand) void this.#reply(call, { result: null, failure: null, ending: false });
      if (this.#inHand.size > 0) this.#beatLater();
    });
  }
}
