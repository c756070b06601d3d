// The calling side: one message a call, answers on the process's own queue, matched by message id.
import { amqpErrors, type Bus, type Delivery } from "@micronova/amqp";
import { isFault, type Millis, type Platform, type Span, span, spanCollector } from "@micronova/kit";
import type { CallOptions, Contract } from "./contract.ts";
import { rpcErrors } from "./errors.ts";
import { asFault, faultOf } from "./failures.ts";
import { FanoutSender } from "./fanout.ts";
import { replyQueue, workExchange } from "./names.ts";
import type { Parking } from "./parking.ts";
import { WaitingCalls } from "./waiting-calls.ts";
import { asJson, callMessage, type ReplyMessage, readReply } from "./wire.ts";

export interface ClientDeps {
  readonly platform: Platform;
  readonly bus: Bus;
  readonly parking: Parking;
  readonly processId: string;
  /** A name that nothing else on the bus has. */
  readonly newId: () => string;
}

export interface Outgoing {
  readonly contract: Pick<Contract, "topic" | "methods" | "version" | "namespace">;
  readonly target: string;
  readonly method: string;
  readonly args: unknown;
  readonly options: CallOptions;
}

// Answers are taken as they come; the bound only keeps a burst from filling memory twice.
const answersPrefetch = 1_024;

export class RpcClient {
  readonly #deps: ClientDeps;
  readonly #waiting: WaitingCalls;
  readonly #replyName: string;
  #opening: Promise<void> | null = null;
  #isOpen = false;
  #isClosed = false;
  readonly #fanout: FanoutSender;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
    this.#waiting = new WaitingCalls(deps.platform.clock);
    this.#replyName = `reply_${deps.processId}`;
    this.#fanout = new FanoutSender(deps.bus);
  }

  call(outgoing: Outgoing): Promise<unknown> {
    if (spanCollector() === null) return this.#call(outgoing);
    return span(`call ${outgoing.target} ${outgoing.method}`, () => this.#call(outgoing));
  }

  async #call(outgoing: Outgoing): Promise<unknown> {
    if (!this.#isOpen) await this.#open();
    if (this.#isClosed) throw rpcErrors.closed();
    const { target, method, options } = outgoing;
    const { timeoutMs } = outgoing.contract.methods[method]!;
    if (timeLeft(options, this.#now()) === 0) throw rpcErrors.late(target, method);
    const id = this.#deps.newId();
    const collector = spanCollector();
    return new Promise((resolve, reject) => {
      this.#waiting.add(id, { target, method, timeoutMs, resolve, reject, collector });
      this.#publish(outgoing, id, timeoutMs).catch((error) => this.#waiting.take(id)?.reject(asFault(error)));
    });
  }

  async cast(outgoing: Outgoing): Promise<void> {
    if (!this.#isOpen) await this.#open();
    if (this.#isClosed) throw rpcErrors.closed();
    await this.#publish(outgoing, this.#deps.newId(), null);
  }

  /** To everybody who answers to the contract's topic. */
  async fanout({ contract, method, args, options }: Outgoing): Promise<void> {
    if (this.#isClosed) throw rpcErrors.closed();
    const id = this.#deps.newId();
    const alone = { reply: null, timeLeftMs: null, isTraced: false };
    const message = callMessage({ contract, method, args, id, options, ...alone });
    await this.#fanout.send(contract.topic, { body: asJson(message) });
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.close();
  }

  async #publish(outgoing: Outgoing, id: string, timeoutMs: Millis | null): Promise<void> {
    const { contract, target, method, args, options } = outgoing;
    const reply = timeoutMs === null ? null : { queue: this.#replyName, timeoutMs };
    const isTraced = reply !== null && spanCollector() !== null;
    const timeLeftMs = timeLeft(options, this.#now());
    const body = asJson(callMessage({ contract, method, args, id, options, reply, timeLeftMs, isTraced }));
    const expirationMs = lifetime(timeoutMs, timeLeftMs);
    try {
      await this.#deps.bus.publish(
        { exchange: workExchange.name, key: target },
        { body, persistent: true, ...(expirationMs === null ? {} : { expirationMs }) },
        { mandatory: true },
      );
    } catch (error) {
      if (isFault(error, amqpErrors.unroutable)) throw rpcErrors.unreachable(target);
      throw error;
    }
  }

  /** Declares what calls need, once, and again if that failed. */
  #open(): Promise<void> {
    this.#opening ??= this.#declare().catch((error) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #declare(): Promise<void> {
    const { bus, parking } = this.#deps;
    await bus.declare(workExchange);
    const queue = replyQueue(this.#replyName);
    await parking.consume(queue, { prefetch: answersPrefetch, isOwn: true }, (delivery) =>
      this.#answered(delivery),
    );
    this.#isOpen = true;
  }

  #answered(delivery: Delivery): void {
    const reply = readReply(delivery.message.body);
    delivery.ack();
    if (reply.ending === false) {
      this.#waiting.beat(reply._msg_id);
      return;
    }
    const call = this.#waiting.take(reply._msg_id);
    for (const one of spansOf(reply)) call?.collector?.add(one);
    if (call === null) {
      this.#deps.platform.log.debug({ messageId: reply._msg_id }, "answer came after its caller had gone");
    } else if (reply.failure !== null && reply.failure !== undefined) {
      call.reject(faultOf(reply.failure, call));
    } else {
      call.resolve(reply.result);
    }
  }

  #now(): Millis {
    return this.#deps.platform.clock.monotonic();
  }
}

/** A peer of another make may answer with anything there. */
function spansOf({ _spans: spans }: ReplyMessage): readonly Span[] {
  return Array.isArray(spans) ? spans : [];
}

/** Until the deadline, never less than nothing; null when there is none. */
function timeLeft({ deadline }: CallOptions, now: Millis): Millis | null {
  return deadline === undefined ? null : Math.max(0, Math.floor(deadline - now));
}

/** How long the message is worth delivering: as long as its caller waits, and not beyond its deadline. */
function lifetime(timeoutMs: Millis | null, timeLeftMs: Millis | null): Millis | null {
  const left = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, timeLeftMs ?? Number.POSITIVE_INFINITY);
  return left === Number.POSITIVE_INFINITY ? null : Math.max(1, left);
}
