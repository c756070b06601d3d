// How exchanges and bindings are, in the words of RabbitMQ's management API.
import type { ExchangeKind, Headers } from "../bus.ts";
import { plainTable } from "../codec/table.ts";
import type { BoundExchange, Target } from "../exchange/bound-exchange.ts";
import { MessageQueue } from "../queue/message-queue.ts";
import type { ExchangeStats } from "../statistics.ts";
import type { VirtualHost } from "../virtual-host.ts";

export interface ExchangeStatus {
  /** Empty for the default exchange. */
  readonly name: string;
  readonly vhost: string;
  readonly type: ExchangeKind;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly internal: boolean;
  readonly arguments: Headers;
  readonly message_stats: ExchangeStats;
}

export interface BindingStatus {
  readonly source: string;
  readonly vhost: string;
  readonly destination: string;
  readonly destination_type: "queue" | "exchange";
  readonly routing_key: string;
  readonly arguments: Headers;
}

export function exchangeStatus(vhost: string, { spec, stats }: BoundExchange): ExchangeStatus {
  return {
    name: spec.name,
    vhost,
    type: spec.kind,
    durable: spec.durable,
    auto_delete: spec.autoDelete,
    internal: spec.internal,
    arguments: plainTable(spec.arguments),
    message_stats: stats,
  };
}

/** All bindings of a virtual host, with those of every queue to the default exchange. */
export function bindingStatuses({ name: vhost, queues, exchanges }: VirtualHost): readonly BindingStatus[] {
  const byName = queues.map((queue) => implicitBinding(vhost, queue.name));
  return [...byName, ...[...queues, ...exchanges].flatMap((target) => bindingsTo(vhost, target))];
}

/** What leads to one queue or exchange. */
export function bindingsTo(vhost: string, target: Target): readonly BindingStatus[] {
  return [...target.bindings.values()].map(({ source, key, arguments: args }) => ({
    source: source.name,
    vhost,
    destination: target.name,
    destination_type: target instanceof MessageQueue ? "queue" : "exchange",
    routing_key: key,
    arguments: plainTable(args),
  }));
}

/** What binds every queue to the default exchange. */
export function implicitBinding(vhost: string, queue: string): BindingStatus {
  return {
    source: "",
    vhost,
    destination: queue,
    destination_type: "queue",
    routing_key: queue,
    arguments: {},
  };
}
