// AMQP 0-9-1's notions without its sockets: a broker in process, and the Bus through which everything else sees it.
import type { Millis } from "@micronova/kit";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type ExchangeKind = "direct" | "topic" | "fanout" | "headers";

export interface Exchange {
  readonly name: string;
  readonly kind: ExchangeKind;
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
}

export interface Binding {
  readonly exchange: string;
  readonly key: string;
}

/** A queue to declare and consume from, with what it is bound to. */
export interface Queue {
  readonly name: string;
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  /** Deleted when unused for so long. */
  readonly expiresMs?: Millis;
  readonly bindings: readonly Binding[];
}

/** Where a message goes: the empty exchange name is the default exchange, whose key is a queue's name. */
export interface Address {
  readonly exchange: string;
  readonly key: string;
}

export interface Message {
  /** Passed as it is in process; JSON on the wire. Deeply frozen in tests. */
  readonly body: Json;
  readonly headers?: Readonly<Record<string, Json>>;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly persistent?: boolean;
  /** Dropped from queues after so long. */
  readonly expirationMs?: Millis;
  readonly priority?: number;
}

export interface Delivery {
  readonly message: Message;
  readonly exchange: string;
  readonly key: string;
  readonly redelivered: boolean;
  ack(): void;
  nack(options: { readonly requeue: boolean }): void;
}

export interface Consumer {
  /** Stops deliveries; what is unacknowledged stays with its handler. */
  cancel(): Promise<void>;
}

export interface Bus {
  declare(exchange: Exchange): Promise<void>;
  /** Resolves when the broker is responsible for it; rejects with `amqpErrors.unroutable` when `mandatory` and no queue takes it. */
  publish(to: Address, message: Message, options?: { readonly mandatory?: boolean }): Promise<void>;
  /** Declares and binds the queue, then hands over deliveries, at most `prefetch` unacknowledged at a time. */
  consume(
    queue: Queue,
    options: { readonly prefetch: number },
    handle: (delivery: Delivery) => void,
  ): Promise<Consumer>;
  close(): Promise<void>;
}
