// Where virtual hosts with their durable exchanges, queues and bindings are written down, and users with
// their permissions. A queue gets its number for the journal here.
import type { AccessRecords } from "./access/access.ts";
import type { BindingRecord, ExchangeSpec } from "./exchange/bound-exchange.ts";
import type { Policy } from "./policy/policy.ts";
import type { QueueSpec } from "./queue/message-queue.ts";

export interface HostSpec {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
}

/** What a virtual host needs written down. */
export interface HostDefinitions {
  putPolicy(host: string, policy: Policy): void;
  dropPolicy(host: string, name: string): void;
  putExchange(host: string, spec: ExchangeSpec): void;
  dropExchange(host: string, name: string): void;
  /** Returns the queue's number; 0 when its messages are not written down. */
  putQueue(host: string, spec: QueueSpec): number;
  dropQueue(host: string, name: string): void;
  putBinding(host: string, binding: BindingRecord): void;
  dropBinding(host: string, binding: BindingRecord): void;
}

export interface Definitions extends HostDefinitions, AccessRecords {
  putHost(spec: HostSpec): void;
  /** All that is in it goes with it. */
  dropHost(name: string): void;
}

/** For a virtual host that keeps nothing. */
export const definitionsOfNothing: HostDefinitions = {
  putPolicy() {},
  dropPolicy() {},
  putExchange() {},
  dropExchange() {},
  putQueue: () => 0,
  dropQueue() {},
  putBinding() {},
  dropBinding() {},
};
