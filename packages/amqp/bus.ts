// What the rest of the cloud sees of AMQP: messages, queues with their bindings, and the Bus that moves them.
// The same interface is answered by the broker in process and by a connection over a socket.
import type { Millis } from "@micronova/kit";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Headers = Readonly<Record<string, Json>>;

export type ExchangeKind = "direct" | "topic" | "fanout" | "headers";

export interface Exchange {
  readonly name: string;
  readonly kind: ExchangeKind;
  readonly durable?: boolean;
  /** Deleted with its last binding. */
  readonly autoDelete?: boolean;
}

export interface Binding {
  readonly exchange: string;
  readonly key: string;
  /** What a headers exchange compares; `x-match` is `all` (the default) or `any`. */
  readonly headers?: Headers;
}

/** A queue to declare, with what it is bound to. */
export interface Queue {
  /** Empty when the broker is to choose one, which a consumer alone may ask for. */
  readonly name: string;
  readonly durable?: boolean;
  /** Used by the bus that declares it alone, and gone with it. */
  readonly exclusive?: boolean;
  /** Deleted with its last consumer. */
  readonly autoDelete?: boolean;
  /** Deleted when unused for so long. */
  readonly expiresMs?: Millis;
  /** How many messages may wait. Default 100,000. */
  readonly lengthMax?: number;
  /** What gives way when it is full: the publisher (the default), or the oldest message. */
  readonly overflow?: "reject" | "drop-oldest";
  /** Beside the default exchange, to which every queue is bound by its name. */
  readonly bindings?: readonly Binding[];
}

/** Where a message goes: the empty exchange name is the default exchange, whose key is a queue's name. */
export interface Address {
  readonly exchange: string;
  readonly key: string;
}

export interface Message {
  /** Passed as it is in process; JSON on the wire. Deeply frozen in tests. */
  readonly body: Json;
  readonly headers?: Headers;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly persistent?: boolean;
  /** Dropped from queues after so long. */
  readonly expirationMs?: Millis;
  readonly priority?: number;
}

/** A message in a consumer's hands. Settling it a second time, or after its bus has closed, does nothing. */
export interface Delivery {
  readonly message: Message;
  readonly exchange: string;
  readonly key: string;
  readonly redelivered: boolean;
  ack(): void;
  /** Requeued, it returns to its old place; otherwise it is dropped. */
  nack(options: { readonly requeue: boolean }): void;
}

export interface ConsumeOptions {
  /** How many deliveries may be unacknowledged at a time; 0 for any number. */
  readonly prefetch: number;
  /**
   * Whether the queue is this bus's alone. On a later connection its consumer then comes before the one it
   * had on an earlier, which the broker may not know to be dead.
   */
  readonly isOwn?: boolean;
}

export interface Consumer {
  /** The queue's name. One that the broker chose is another one after every reconnection. */
  readonly queue: string;
  /** Stops deliveries; what is unacknowledged stays with its handler. */
  cancel(): Promise<void>;
}

export interface Bus {
  declare(exchange: Exchange): Promise<void>;
  /** Declares and binds a queue without consuming from it: what is sent before its consumers come stays. */
  declareQueue(queue: Queue): Promise<void>;
  /**
   * Resolves when the broker is responsible for it; rejects with `amqpErrors.unroutable` when `mandatory` and
   * no queue takes it.
   */
  publish(to: Address, message: Message, options?: { readonly mandatory?: boolean }): Promise<void>;
  /** Declares and binds the queue, then hands over deliveries. */
  consume(queue: Queue, options: ConsumeOptions, handle: (delivery: Delivery) => void): Promise<Consumer>;
  /** Cancels its consumers and returns what they had not acknowledged to the queues. */
  close(): Promise<void>;
}
