// Every method of AMQP 0-9-1 as RabbitMQ speaks it, as data. The codec and the types of arguments are derived
// from this table; a type that begins with `reserved` is on the wire and nowhere else.

export type FieldType =
  | "bit"
  | "octet"
  | "short"
  | "long"
  | "longlong"
  | "shortstr"
  | "longstr"
  | "table"
  | "reservedBit"
  | "reservedShort"
  | "reservedShortstr";

export interface MethodSpec {
  readonly classId: number;
  readonly methodId: number;
  readonly fields: Readonly<Record<string, FieldType>>;
  /** Whether content (a header and bodies) follows. */
  readonly hasContent?: true;
}

const of = <const F extends Readonly<Record<string, FieldType>>>(
  classId: number,
  methodId: number,
  fields: F,
) => ({ classId, methodId, fields });

const withContent = <const F extends Readonly<Record<string, FieldType>>>(
  classId: number,
  methodId: number,
  fields: F,
) => ({ classId, methodId, fields, hasContent: true as const });

const closing = { replyCode: "short", replyText: "shortstr", classId: "short", methodId: "short" } as const;
const exchangeBinding = {
  reserved1: "reservedShort",
  destination: "shortstr",
  source: "shortstr",
  routingKey: "shortstr",
  noWait: "bit",
  arguments: "table",
} as const;

export const methods = {
  "connection.start": of(10, 10, {
    versionMajor: "octet",
    versionMinor: "octet",
    serverProperties: "table",
    mechanisms: "longstr",
    locales: "longstr",
  }),
  "connection.start-ok": of(10, 11, {
    clientProperties: "table",
    mechanism: "shortstr",
    response: "longstr",
    locale: "shortstr",
  }),
  "connection.secure": of(10, 20, { challenge: "longstr" }),
  "connection.secure-ok": of(10, 21, { response: "longstr" }),
  "connection.tune": of(10, 30, { channelMax: "short", frameMax: "long", heartbeat: "short" }),
  "connection.tune-ok": of(10, 31, { channelMax: "short", frameMax: "long", heartbeat: "short" }),
  "connection.open": of(10, 40, {
    virtualHost: "shortstr",
    reserved1: "reservedShortstr",
    reserved2: "reservedBit",
  }),
  "connection.open-ok": of(10, 41, { reserved1: "reservedShortstr" }),
  "connection.close": of(10, 50, closing),
  "connection.close-ok": of(10, 51, {}),
  "connection.blocked": of(10, 60, { reason: "shortstr" }),
  "connection.unblocked": of(10, 61, {}),
  "connection.update-secret": of(10, 70, { newSecret: "longstr", reason: "shortstr" }),
  "connection.update-secret-ok": of(10, 71, {}),

  "channel.open": of(20, 10, { reserved1: "reservedShortstr" }),
  "channel.open-ok": of(20, 11, { channelId: "longstr" }),
  "channel.flow": of(20, 20, { active: "bit" }),
  "channel.flow-ok": of(20, 21, { active: "bit" }),
  "channel.close": of(20, 40, closing),
  "channel.close-ok": of(20, 41, {}),

  "exchange.declare": of(40, 10, {
    reserved1: "reservedShort",
    exchange: "shortstr",
    type: "shortstr",
    passive: "bit",
    durable: "bit",
    autoDelete: "bit",
    internal: "bit",
    noWait: "bit",
    arguments: "table",
  }),
  "exchange.declare-ok": of(40, 11, {}),
  "exchange.delete": of(40, 20, {
    reserved1: "reservedShort",
    exchange: "shortstr",
    ifUnused: "bit",
    noWait: "bit",
  }),
  "exchange.delete-ok": of(40, 21, {}),
  "exchange.bind": of(40, 30, exchangeBinding),
  "exchange.bind-ok": of(40, 31, {}),
  "exchange.unbind": of(40, 40, exchangeBinding),
  "exchange.unbind-ok": of(40, 51, {}),

  "queue.declare": of(50, 10, {
    reserved1: "reservedShort",
    queue: "shortstr",
    passive: "bit",
    durable: "bit",
    exclusive: "bit",
    autoDelete: "bit",
    noWait: "bit",
    arguments: "table",
  }),
  "queue.declare-ok": of(50, 11, { queue: "shortstr", messageCount: "long", consumerCount: "long" }),
  "queue.bind": of(50, 20, {
    reserved1: "reservedShort",
    queue: "shortstr",
    exchange: "shortstr",
    routingKey: "shortstr",
    noWait: "bit",
    arguments: "table",
  }),
  "queue.bind-ok": of(50, 21, {}),
  "queue.purge": of(50, 30, { reserved1: "reservedShort", queue: "shortstr", noWait: "bit" }),
  "queue.purge-ok": of(50, 31, { messageCount: "long" }),
  "queue.delete": of(50, 40, {
    reserved1: "reservedShort",
    queue: "shortstr",
    ifUnused: "bit",
    ifEmpty: "bit",
    noWait: "bit",
  }),
  "queue.delete-ok": of(50, 41, { messageCount: "long" }),
  "queue.unbind": of(50, 50, {
    reserved1: "reservedShort",
    queue: "shortstr",
    exchange: "shortstr",
    routingKey: "shortstr",
    arguments: "table",
  }),
  "queue.unbind-ok": of(50, 51, {}),

  "basic.qos": of(60, 10, { prefetchSize: "long", prefetchCount: "short", global: "bit" }),
  "basic.qos-ok": of(60, 11, {}),
  "basic.consume": of(60, 20, {
    reserved1: "reservedShort",
    queue: "shortstr",
    consumerTag: "shortstr",
    noLocal: "bit",
    noAck: "bit",
    exclusive: "bit",
    noWait: "bit",
    arguments: "table",
  }),
  "basic.consume-ok": of(60, 21, { consumerTag: "shortstr" }),
  "basic.cancel": of(60, 30, { consumerTag: "shortstr", noWait: "bit" }),
  "basic.cancel-ok": of(60, 31, { consumerTag: "shortstr" }),
  "basic.publish": withContent(60, 40, {
    reserved1: "reservedShort",
    exchange: "shortstr",
    routingKey: "shortstr",
    mandatory: "bit",
    immediate: "bit",
  }),
  "basic.return": withContent(60, 50, {
    replyCode: "short",
    replyText: "shortstr",
    exchange: "shortstr",
    routingKey: "shortstr",
  }),
  "basic.deliver": withContent(60, 60, {
    consumerTag: "shortstr",
    deliveryTag: "longlong",
    redelivered: "bit",
    exchange: "shortstr",
    routingKey: "shortstr",
  }),
  "basic.get": of(60, 70, { reserved1: "reservedShort", queue: "shortstr", noAck: "bit" }),
  "basic.get-ok": withContent(60, 71, {
    deliveryTag: "longlong",
    redelivered: "bit",
    exchange: "shortstr",
    routingKey: "shortstr",
    messageCount: "long",
  }),
  "basic.get-empty": of(60, 72, { reserved1: "reservedShortstr" }),
  "basic.ack": of(60, 80, { deliveryTag: "longlong", multiple: "bit" }),
  "basic.reject": of(60, 90, { deliveryTag: "longlong", requeue: "bit" }),
  "basic.recover-async": of(60, 100, { requeue: "bit" }),
  "basic.recover": of(60, 110, { requeue: "bit" }),
  "basic.recover-ok": of(60, 111, {}),
  "basic.nack": of(60, 120, { deliveryTag: "longlong", multiple: "bit", requeue: "bit" }),

  "confirm.select": of(85, 10, { noWait: "bit" }),
  "confirm.select-ok": of(85, 11, {}),

  "tx.select": of(90, 10, {}),
  "tx.select-ok": of(90, 11, {}),
  "tx.commit": of(90, 20, {}),
  "tx.commit-ok": of(90, 21, {}),
  "tx.rollback": of(90, 30, {}),
  "tx.rollback-ok": of(90, 31, {}),
} as const satisfies Readonly<Record<string, MethodSpec>>;

export type MethodName = keyof typeof methods;
