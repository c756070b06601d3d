// A consumer that outlives connections: on each it declares its queue again, binds it and consumes.
import type { Log } from "@micronova/kit";
import type { Delivery, Queue } from "../bus.ts";
import type { Args } from "../codec/method-codec.ts";
import type { Content } from "../content.ts";
import type { WireForm } from "../wire-form.ts";
import { declareQueue } from "./declarations.ts";
import type { Link } from "./link.ts";

export interface SubscriptionDeps {
  readonly log: Log;
  readonly form: WireForm;
  readonly queue: Queue;
  readonly prefetch: number;
  readonly handle: (delivery: Delivery) => void;
}

export class Subscription {
  readonly channel: number;
  readonly #deps: SubscriptionDeps;
  #link: Link | null = null;
  /** Delivery tags it has not settled on the present link. */
  readonly #held = new Set<number>();
  #isCancelled = false;
  /** Whether it has ever begun: until then its maker deals with what goes wrong. */
  isEstablished = false;

  /** Its queue, which has no name before the first declaration when the broker is to choose it. */
  queueName: string;

  constructor(channel: number, deps: SubscriptionDeps) {
    this.channel = channel;
    this.#deps = deps;
    this.queueName = deps.queue.name;
  }

  /** Begins, or begins again, on a link. */
  async start(link: Link): Promise<void> {
    const { channel } = this;
    const { queue, prefetch } = this.#deps;
    this.#held.clear();
    this.#link = link;
    await link.request(channel, "channel.open", {}, "channel.open-ok");
    const name = await declareQueue(link, channel, queue);
    this.queueName = name;
    const qos = { prefetchSize: 0, prefetchCount: Math.min(prefetch, 65_535), global: false };
    await link.request(channel, "basic.qos", qos, "basic.qos-ok");
    const consume = { queue: name, consumerTag: this.#tag, noLocal: false, noAck: false, exclusive: false };
    await link.request(
      channel,
      "basic.consume",
      { ...consume, noWait: false, arguments: {} },
      "basic.consume-ok",
    );
    this.isEstablished = true;
  }

  async cancel(): Promise<void> {
    this.#isCancelled = true;
    const link = this.#link;
    if (link === null || !link.isOpen) return;
    const args = { consumerTag: this.#tag, noWait: false };
    await link.request(this.channel, "basic.cancel", args, "basic.cancel-ok");
    if (this.#held.size > 0) return;
    const closing = { replyCode: 200, replyText: "cancelled", classId: 0, methodId: 0 };
    await link.request(this.channel, "channel.close", closing, "channel.close-ok");
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  deliver({ deliveryTag, redelivered, exchange, routingKey }: Args<"basic.deliver">, content: Content): void {
    const link = this.#link;
    if (link === null) return;
    const { log, form, handle } = this.#deps;
    this.#held.add(deliveryTag);
    // What was delivered on a link that is lost is not ours to settle: it comes again.
    const settles = () => this.#link === link && link.isOpen && this.#held.delete(deliveryTag);
    const delivery: Delivery = {
      // Read by its handler, which then hears of it when it cannot be.
      get message() {
        return content.message(form);
      },
      exchange,
      key: routingKey,
      redelivered,
      ack: () => {
        if (settles()) link.output.method(this.channel, "basic.ack", { deliveryTag, multiple: false });
      },
      nack: ({ requeue }) => {
        if (settles())
          link.output.method(this.channel, "basic.nack", { deliveryTag, multiple: false, requeue });
      },
    };
    try {
      handle(delivery);
    } catch (error) {
      // A handler that throws would throw again: the message goes where its queue's dead letters go.
      log.error({ error, queue: this.queueName, key: routingKey }, "message rejected, handler threw");
      delivery.nack({ requeue: false });
    }
  }

  get #tag(): string {
    return `c${this.channel}`;
  }
}
