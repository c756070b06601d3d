// AMQP 0-9-1: a broker, the Bus through which everything else sees it, and the door for sockets.
export type { Access, PermissionRecord, UserChange, UserSpec } from "./access/access.ts";
export type { Permission, User } from "./access/user.ts";
export { Broker, type BrokerOptions, type OpenConnection, type QueueStatus } from "./broker.ts";
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
export { type ConnectOptions, connectAmqp } from "./client/client-bus.ts";
export { amqpErrors } from "./errors.ts";
export { persistence } from "./persistence.ts";
export { type AmqpService, type ServeOptions, serveAmqp, type Tls } from "./server/server.ts";
export { plainJson, type WireForm } from "./wire-form.ts";
