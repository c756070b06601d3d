// Poison: messages that are no calls, that their handler throws at, or that keep killing who takes them. They
// leave their queue for `micronova.dead`, with headers that say from where, why and when; nothing goes round.
import {
  amqpErrors,
  type Bus,
  type ConsumeOptions,
  type Consumer,
  type Delivery,
  type Headers,
  type Json,
  type Queue,
} from "@micronova/amqp";
import { isFault, type Platform } from "@micronova/kit";
import { rpcErrors } from "./errors.ts";
import { deadQueue } from "./names.ts";

export interface ParkingDeps {
  readonly platform: Platform;
  readonly bus: Bus;
}

type Reason = "malformed" | "redelivered" | "threw";

export class Parking {
  readonly #deps: ParkingDeps;

  constructor(deps: ParkingDeps) {
    this.#deps = deps;
  }

  /** Consumes from a queue; what `handle` throws at is parked. */
  consume(queue: Queue, options: ConsumeOptions, handle: (delivery: Delivery) => void): Promise<Consumer> {
    return this.#deps.bus.consume(queue, options, (delivery) => {
      try {
        handle(delivery);
      } catch (error) {
        void this.park(queue.name, delivery, error);
      }
    });
  }

  /** Moves a message away: it is acknowledged once the broker keeps it in its new place. Never rejects. */
  async park(queue: string, delivery: Delivery, error: unknown): Promise<void> {
    const { bus, platform } = this.#deps;
    const reason = reasonOf(error);
    platform.metrics.count("micronova_rpc_parked_messages_total", { reason });
    platform.log.warn({ queue, reason, error, parkedIn: deadQueue.name }, "message parked");
    try {
      await this.#declare();
      const { body, headers } = remainsOf(delivery);
      const parked: Headers = {
        ...headers,
        "parked-queue": queue,
        "parked-exchange": delivery.exchange,
        "parked-key": delivery.key,
        "parked-reason": reason,
        "parked-error": error instanceof Error ? error.message : String(error),
        "parked-at": new Date(platform.clock.now()).toISOString(),
      };
      const to = { exchange: "", key: deadQueue.name };
      await bus.publish(to, { body, headers: parked, persistent: true }, { mandatory: true });
      delivery.ack();
    } catch (failure) {
      // Unacknowledged, it comes again when this consumer has gone.
      platform.log.error({ queue, error: failure }, "message could not be parked");
    }
  }

  /** Each time, since whoever emptied it may have deleted it. One declared otherwise does as well. */
  async #declare(): Promise<void> {
    try {
      await this.#deps.bus.declareQueue(deadQueue);
    } catch (error) {
      if (!isFault(error, amqpErrors.queueDiffers)) throw error;
    }
  }
}

function reasonOf(error: unknown): Reason {
  if (isFault(error, rpcErrors.redelivered)) return "redelivered";
  const isMalformed = isFault(error, rpcErrors.notACall) || isFault(error, rpcErrors.notAnAnswer);
  return isMalformed ? "malformed" : "threw";
}

/** As much of the message as can be read, and written again: JSON may be nested more deeply than that. */
function remainsOf(delivery: Delivery): { readonly body: Json; readonly headers: Headers } {
  try {
    const { body, headers = {} } = delivery.message;
    JSON.stringify(body);
    return { body, headers };
  } catch (error) {
    return { body: `(${error instanceof Error ? error.message : String(error)})`, headers: {} };
  }
}
