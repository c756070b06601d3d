// Sending answers. The queue of a caller that is connecting again may be away for a moment, so an answer that
// nobody takes is tried again for as long as its caller may be waiting.
import { amqpErrors, type Bus } from "@micronova/amqp";
import { isFault, type Millis, type Platform, sleepUnlessAborted } from "@micronova/kit";
import { asJson, type CallMessage, type ReplyMessage } from "./wire.ts";

export interface RepliesDeps {
  readonly platform: Platform;
  readonly bus: Bus;
}

const pauseMinMs: Millis = 250;
// A caller that does not say how long it waits; oslo.messaging's servers try for as long.
const patienceMaxMs: Millis = 60_000;
// Beyond this many a broker has lost its queues, and callers will ask again.
const waitingMax = 1_000;

export class Replies {
  readonly #deps: RepliesDeps;
  readonly #closing = new AbortController();
  #waiting = 0;

  constructor(deps: RepliesDeps) {
    this.#deps = deps;
  }

  /** Resolves when the broker has it, or it must be tried again later. Never rejects. */
  async send(call: CallMessage, reply: ReplyMessage): Promise<void> {
    try {
      await this.#publish(call, reply);
    } catch (error) {
      if (!this.#isAway(error, call)) return;
      if (reply.ending && this.#waiting < waitingMax) void this.#insist(call, reply);
      else this.#gone(call);
    }
  }

  /** Gives up on what is still to be tried. */
  close(): void {
    this.#closing.abort();
  }

  async #insist(call: CallMessage, reply: ReplyMessage): Promise<void> {
    const { clock } = this.#deps.platform;
    const until = clock.monotonic() + patienceOf(call);
    this.#waiting++;
    for (let pause = pauseMinMs; clock.monotonic() < until; pause *= 2) {
      await sleepUnlessAborted(clock, pause, this.#closing.signal);
      if (this.#closing.signal.aborted || !(await this.#isStillAway(call, reply))) {
        this.#waiting--;
        return;
      }
    }
    this.#waiting--;
    this.#gone(call);
  }

  async #isStillAway(call: CallMessage, reply: ReplyMessage): Promise<boolean> {
    try {
      await this.#publish(call, reply);
      return false;
    } catch (error) {
      return this.#isAway(error, call);
    }
  }

  #publish({ _reply_q: queue = "" }: CallMessage, reply: ReplyMessage): Promise<void> {
    return this.#deps.bus.publish({ exchange: "", key: queue }, { body: asJson(reply) }, { mandatory: true });
  }

  /** Whether nobody takes it now. Without its bus a process answers nothing; the rest must be heard of. */
  #isAway(error: unknown, { _reply_q: queue, method }: CallMessage): boolean {
    if (isFault(error, amqpErrors.unroutable)) return true;
    if (!isFault(error, amqpErrors.closed))
      this.#deps.platform.log.error({ queue, method, error }, "answer could not be sent");
    return false;
  }

  #gone({ _reply_q: queue, method }: CallMessage): void {
    this.#deps.platform.log.debug({ queue, method }, "caller has gone");
  }
}

function patienceOf({ _timeout: timeout }: CallMessage): Millis {
  return typeof timeout === "number" ? Math.min(timeout * 1000, patienceMaxMs) : patienceMaxMs;
}
