// Where durable exchanges, queues and bindings are written down. A queue gets its number for the journal
// here.
import type { BindingRecord, ExchangeSpec } from "./exchange/bound-exchange.ts";
import type { QueueSpec } from "./queue/message-queue.ts";

export interface Definitions {
  putExchange(host: string, spec: ExchangeSpec): void;
  dropExchange(host: string, name: string): void;
  /** Returns the queue's number; 0 when its messages are not written down. */
  putQueue(host: string, spec: QueueSpec): number;
  dropQueue(host: string, name: string): void;
  putBinding(host: string, binding: BindingRecord): void;
  dropBinding(host: string, binding: BindingRecord): void;
}

/** For a broker that keeps nothing. */
export const definitionsOfNothing: Definitions = {
  putExchange() {},
  dropExchange() {},
  putQueue: () => 0,
  dropQueue() {},
  putBinding() {},
  dropBinding() {},
};
