// The calling side: one message a call, answers on the process's own queue, matched by message id.
import { amqpErrors, type Bus, type Delivery } from "@micronova/amqp";
import { isFault, type Millis, type Platform } from "@micronova/kit";
import type { CallOptions, Contract } from "./contract.ts";
import { rpcErrors } from "./errors.ts";
import { replyExchange, replyQueue, workExchange } from "./names.ts";
import { WaitingCalls } from "./waiting-calls.ts";
import { asFault, asJson, callMessage, faultOf, readReply } from "./wire.ts";

export interface ClientDeps {
  readonly platform: Platform;
  readonly bus: Bus;
  readonly processId: string;
}

export interface Outgoing {
  readonly contract: Contract;
  readonly target: string;
  readonly method: string;
  readonly args: unknown;
  readonly options: CallOptions;
}

export class RpcClient {
  readonly #deps: ClientDeps;
  readonly #waiting: WaitingCalls;
  readonly #replyName: string;
  #opening: Promise<void> | null = null;
  #isOpen = false;
  #isClosed = false;
  #calls = 0;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
    this.#waiting = new WaitingCalls(deps.platform.clock);
    this.#replyName = `reply_${deps.processId}`;
  }

  async call(outgoing: Outgoing): Promise<unknown> {
    if (!this.#isOpen) await this.#open();
    if (this.#isClosed) throw rpcErrors.closed();
    const { target, method, options } = outgoing;
    const { timeoutMs } = outgoing.contract.methods[method]!;
    if (isPast(options.deadline, this.#now())) throw rpcErrors.late(target, method);
    const id = this.#nextId();
    return new Promise((resolve, reject) => {
      this.#waiting.add(id, { target, method, timeoutMs, resolve, reject });
      this.#publish(outgoing, id, timeoutMs).catch((error) => this.#waiting.take(id)?.reject(asFault(error)));
    });
  }

  async cast(outgoing: Outgoing): Promise<void> {
    if (!this.#isOpen) await this.#open();
    if (this.#isClosed) throw rpcErrors.closed();
    await this.#publish(outgoing, this.#nextId(), null);
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.close();
  }

  async #publish(outgoing: Outgoing, id: string, timeoutMs: Millis | null): Promise<void> {
    const { target, method, args, options } = outgoing;
    const reply = timeoutMs === null ? null : { queue: this.#replyName, timeoutMs };
    const body = asJson(callMessage({ method, args, id, options, reply }));
    const expirationMs = lifetime(timeoutMs, options.deadline, this.#now());
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
    const { bus } = this.#deps;
    await bus.declare(workExchange);
    await bus.declare(replyExchange(this.#replyName));
    await bus.consume(replyQueue(this.#replyName), { prefetch: 0 }, (delivery) => this.#answered(delivery));
    this.#isOpen = true;
  }

  #answered(delivery: Delivery): void {
    delivery.ack();
    const reply = readReply(delivery.message.body);
    if (reply === null) return;
    if (reply.ending === false) {
      this.#waiting.beat(reply._msg_id);
      return;
    }
    const call = this.#waiting.take(reply._msg_id);
    if (call === null) {
      this.#deps.platform.log.debug({ messageId: reply._msg_id }, "answer came after its caller had gone");
    } else if (reply.failure !== null && reply.failure !== undefined) {
      call.reject(faultOf(reply.failure));
    } else {
      call.resolve(reply.result);
    }
  }

  #nextId(): string {
    return `${this.#deps.processId}-${++this.#calls}`;
  }

  #now(): Millis {
    return this.#deps.platform.clock.now();
  }
}

function isPast(deadline: Millis | undefined, now: Millis): boolean {
  return deadline !== undefined && deadline <= now;
}

/** How long the message is worth delivering: as long as its caller waits, and not beyond its deadline. */
function lifetime(timeoutMs: Millis | null, deadline: Millis | undefined, now: Millis): Millis | null {
  const left = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, (deadline ?? Number.POSITIVE_INFINITY) - now);
  return left === Number.POSITIVE_INFINITY ? null : Math.max(1, Math.floor(left));
}
