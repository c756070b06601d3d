// AMQP 0-9-1's notions without its sockets: a broker in process, and the Bus through which everything else
// sees it.
export { Broker, type BrokerOptions, type QueueStatus } from "./broker.ts";
export type {
  Address,
  Binding,
  Bus,
  Consumer,
  Delivery,
  Exchange,
  ExchangeKind,
  Headers,
  Json,
  Message,
  Queue,
} from "./bus.ts";
export { amqpErrors } from "./errors.ts";
