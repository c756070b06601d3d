// Notifications in oslo.messaging's form, for whoever bills or watches. Fire and forget: they are hints about
// what has happened, and nothing waits for them.
import { amqpErrors, type Bus, type Json } from "@micronova/amqp";
import { hexId, isFault, type Millis, type Platform, type RequestContext } from "@micronova/kit";
import { notificationQueue, workExchange } from "./names.ts";
import { contextKeys } from "./wire.ts";

export type NotificationPriority = "info" | "error";

export interface Notification {
  readonly priority: NotificationPriority;
  /** `compute.instance.create.end`. */
  readonly eventType: string;
  /** `compute.h1`. */
  readonly publisherId: string;
  readonly payload: Readonly<Record<string, Json>>;
  readonly context: RequestContext;
}

export interface Notifier {
  notify(notification: Notification): void;
}

// A queue's length cannot be bounded by its arguments: Python's listeners declare it without any, and would
// be refused. So messages leave after a time; long enough for a listener that is being upgraded.
const keptMs: Millis = 60 * 60_000;
// While the broker is away; beyond it they are lost, and counted.
const waitingMax = 10_000;

export interface NotifierDeps {
  readonly platform: Platform;
  readonly bus: Bus;
}

/** Sends to the queues `notifications.<priority>`, which it declares before the first. */
export function busNotifier(deps: NotifierDeps): Notifier {
  return new BusNotifier(deps);
}

class BusNotifier implements Notifier {
  readonly #deps: NotifierDeps;
  readonly #declared = new Map<NotificationPriority, Promise<void>>();
  #waiting = 0;
  #isLosing = false;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  notify(notification: Notification): void {
    if (this.#waiting >= waitingMax) {
      this.#lost(amqpErrors.outboxFull(waitingMax), notification);
      return;
    }
    this.#waiting++;
    this.#send(notification).then(
      () => this.#sent(),
      (error) => {
        this.#waiting--;
        this.#lost(error, notification);
      },
    );
  }

  async #send(notification: Notification): Promise<void> {
    const { bus, platform } = this.#deps;
    const { priority } = notification;
    const { name } = notificationQueue(priority);
    const body = messageOf(notification, platform);
    await this.#declare(priority);
    const to = { exchange: workExchange.name, key: name };
    await bus.publish(to, { body, persistent: true, expirationMs: keptMs });
  }

  /** Once, and again if that failed. */
  #declare(priority: NotificationPriority): Promise<void> {
    const known = this.#declared.get(priority);
    if (known !== undefined) return known;
    const { bus } = this.#deps;
    const declaring = bus
      .declare(workExchange)
      .then(() => bus.declareQueue(notificationQueue(priority)))
      .catch((error) => {
        this.#declared.delete(priority);
        throw error;
      });
    this.#declared.set(priority, declaring);
    return declaring;
  }

  #sent(): void {
    this.#waiting--;
    this.#isLosing = false;
  }

  /** One line when it begins; the rest is a number. */
  #lost(error: unknown, { eventType, priority }: Notification): void {
    const { log, metrics } = this.#deps.platform;
    metrics.count("micronova_rpc_lost_notifications_total", { priority });
    if (!this.#isLosing && !isFault(error, amqpErrors.closed))
      log.warn({ error, eventType }, "notifications are being lost");
    this.#isLosing = true;
  }
}

function messageOf(notification: Notification, { clock, random }: Platform): Json {
  const { priority, eventType, publisherId, payload, context } = notification;
  const id = random.uuid();
  const message = {
    message_id: id,
    publisher_id: publisherId,
    event_type: eventType,
    priority: priority.toUpperCase(),
    payload,
    timestamp: pythonTime(clock.now()),
    _unique_id: hexId(id),
    ...contextKeys(context),
  };
  // Its parts are plain JSON; that the context's keys may be absent is no part of the type.
  return message as unknown as Json;
}

/** As Python writes a time without a zone: `2026-11-23 05:15:00.123000`. */
function pythonTime(at: Millis): string {
  return `${new Date(at).toISOString().slice(0, 23).replace("T", " ")}000`;
}
