// AMQP 0-9-1: a broker, the Bus through which everything else sees it, and the door for sockets.
export type { Access, PermissionRecord, UserChange, UserSpec } from "./access/access.ts";
export type { Permission, User } from "./access/user.ts";
export { Broker, type BrokerOptions, type OpenConnection } from "./broker.ts";
export type {
  Address,
  Binding,
  Bus,
  ConsumeOptions,
  Consumer,
  Delivery,
  Exchange,
  ExchangeKind,
  Headers,
  Json,
  Message,
  Queue,
} from "./bus.ts";
export { type ConnectOptions, connectAmqp, type RemoteBus } from "./client/client-bus.ts";
export type { PropertyFields } from "./codec/properties.ts";
export { ReplyError } from "./codec/reply-codes.ts";
export { type FieldValue, plainTable, type Table } from "./codec/table.ts";
export { type Desk, deskOf, type TakeMode } from "./desk.ts";
export { amqpErrors } from "./errors.ts";
export { persistence } from "./persistence.ts";
export { type AppliesTo, type GivenPolicy, type Policy, readPolicy } from "./policy/policy.ts";
export type { QueueConsumer } from "./queue/entry.ts";
export {
  machineReadings,
  type ResourceLimits,
  type ResourceStatus,
  resourceAlarms,
} from "./resource-alarms.ts";
export { rabbitVersion } from "./server/handshake.ts";
export { type AmqpService, type ServeOptions, serveAmqp, type Tls } from "./server/server.ts";
export type { AuthStats, ChurnStats, ExchangeStats, MessageStats, TrafficStats } from "./statistics.ts";
export { type ChannelStatus, type ConnectionStatus, channelStatus } from "./status/connection-status.ts";
export {
  type BindingStatus,
  bindingStatuses,
  bindingsTo,
  type ExchangeStatus,
  exchangeStatus,
  implicitBinding,
} from "./status/exchange-status.ts";
export {
  type ConsumerStatus,
  consumerStatus,
  type QueueStatus,
  queueStatus,
} from "./status/queue-status.ts";
export type { VirtualHost } from "./virtual-host.ts";
export { plainJson, type WireForm } from "./wire-form.ts";
