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
    if (await this.#try(call, reply)) return;
    if (reply.ending && this.#waiting < waitingMax) void this.#insist(call, reply);
    else this.#gone(call);
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
      if (this.#closing.signal.aborted || (await this.#try(call, reply))) {
        this.#waiting--;
        return;
      }
    }
    this.#waiting--;
    this.#gone(call);
  }

  /** False when nobody takes it. */
  async #try({ _reply_q: queue = "", method }: CallMessage, reply: ReplyMessage): Promise<boolean> {
    const { bus, platform } = this.#deps;
    try {
      await bus.publish({ exchange: "", key: queue }, { body: asJson(reply) }, { mandatory: true });
    } catch (error) {
      if (isFault(error, amqpErrors.unroutable)) return false;
      // Without its bus a process answers nothing; anything else someone should hear of.
      if (!isFault(error, amqpErrors.closed))
        platform.log.error({ queue, method, error }, "answer could not be sent");
    }
    return true;
  }

  #gone({ _reply_q: queue, method }: CallMessage): void {
    this.#deps.platform.log.debug({ queue, method }, "caller has gone");
  }
}

function patienceOf({ _timeout: timeout }: CallMessage): Millis {
  return typeof timeout === "number" ? Math.min(timeout * 1000, patienceMaxMs) : patienceMaxMs;
}
