// Stories of what clients do to a broker, from a seed. Everything is named from a short list, so that it
// meets.
import type { FieldValue, MethodName, PropertyFields, Table } from "@micronova/amqp/testing";
import type { Random } from "@micronova/kit";

/** A method on a channel of one of two connections; a publish has a content as well. */
export interface Deed {
  readonly connection: 0 | 1;
  readonly channel: number;
  readonly name: MethodName;
  readonly args: Readonly<Record<string, unknown>>;
  readonly properties?: PropertyFields;
  readonly body?: string;
}

export const queues = ["q1", "q2", "q3", "x1"];
export const exchanges = ["e1", "e2", "e3"];
const keys = ["q1", "q2", "q3", "a", "a.b", "a.b.c", ""];
const patterns = ["a", "a.*", "a.#", "#", "*.b.#", "q1", ""];
export const oddQueues = ["amq.mine", "q".repeat(255), "none"];
const tags = ["t1", "t2", "t3"];
/** Channels: one with confirms, one plain, one in transactions. */
export const channels = { confirming: 1, plain: 2, transactional: 3 } as const;

const queueArguments: readonly (readonly [string, FieldValue])[] = [
  ["x-max-length", 2],
  ["x-max-length", -1],
  ["x-max-length-bytes", 20],
  ["x-overflow", "reject-publish"],
  ["x-overflow", "reject-publish-dlx"],
  ["x-overflow", "never"],
  ["x-max-priority", 3],
  ["x-max-priority", 300],
  ["x-dead-letter-exchange", ""],
  ["x-dead-letter-exchange", "e1"],
  ["x-dead-letter-routing-key", "q2"],
  ["x-dead-letter-routing-key", "q3"],
  ["x-single-active-consumer", true],
  ["x-expires", 0],
  ["x-expires", 3_600_000],
  ["x-message-ttl", "soon"],
  ["x-message-ttl", 3_600_000],
  ["x-unknown", 1],
];

/** Thinks of what could be done next. */
export class Storyteller {
  readonly #random: Random;
  #bodies = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): Deed {
    const { int } = this.#random;
    const kind = this.#oneOf(weights);
    const connection = int(5) === 0 ? 1 : 0;
    const channel = 1 + int(3);
    return { connection, channel, ...this[kind]() };
  }

  declareQueue(): Pick<Deed, "name" | "args"> {
    const { int } = this.#random;
    const queue = int(12) === 0 ? this.#oneOf(["", ...oddQueues]) : this.#oneOf(queues);
    const count = this.#oneOf([0, 0, 0, 1, 1, 2, 3]);
    const args = Object.fromEntries(Array.from({ length: count }, () => this.#oneOf(queueArguments)));
    // What is exclusive goes with its connection, and the rest does not: names of one are not of the other.
    const exclusive = queue === "x1";
    const flags = {
      passive: int(6) === 0,
      durable: int(3) === 0,
      autoDelete: int(5) === 0,
      noWait: int(10) === 0,
    };
    return { name: "queue.declare", args: { queue, exclusive, ...flags, arguments: args } };
  }

  declareExchange(): Pick<Deed, "name" | "args"> {
    const { int } = this.#random;
    const exchange = int(10) === 0 ? this.#oneOf(["", "amq.mine", "amq.topic"]) : this.#oneOf(exchanges);
    const args = int(4) === 0 ? { "alternate-exchange": this.#oneOf(exchanges) } : {};
    const flags = {
      passive: int(6) === 0,
      durable: int(3) === 0,
      autoDelete: int(4) === 0,
      internal: int(8) === 0,
    };
    const type = this.#oneOf(["direct", "topic", "fanout", "headers", "direct", "topic", "x-none"]);
    return {
      name: "exchange.declare",
      args: { exchange, type, ...flags, noWait: int(10) === 0, arguments: args },
    };
  }

  deleteExchange(): Pick<Deed, "name" | "args"> {
    const { int } = this.#random;
    const exchange = int(10) === 0 ? this.#oneOf(["", "amq.topic", "none"]) : this.#oneOf(exchanges);
    return { name: "exchange.delete", args: { exchange, ifUnused: int(2) === 0, noWait: int(10) === 0 } };
  }

  bindExchange(): Pick<Deed, "name" | "args"> {
    const args = { ...this.#binding(), destination: this.#exchange(), source: this.#exchange() };
    return { name: this.#random.int(4) === 0 ? "exchange.unbind" : "exchange.bind", args };
  }

  bindQueue(): Pick<Deed, "name" | "args"> {
    const args = { ...this.#binding(), queue: this.#queue(), exchange: this.#exchange() };
    return { name: this.#random.int(4) === 0 ? "queue.unbind" : "queue.bind", args };
  }

  purge(): Pick<Deed, "name" | "args"> {
    return { name: "queue.purge", args: { queue: this.#queue(), noWait: false } };
  }

  deleteQueue(): Pick<Deed, "name" | "args"> {
    const { int } = this.#random;
    const args = {
      queue: this.#queue(),
      ifUnused: int(3) === 0,
      ifEmpty: int(3) === 0,
      noWait: int(10) === 0,
    };
    return { name: "queue.delete", args };
  }

  publish(): Omit<Deed, "connection" | "channel"> {
    const { int } = this.#random;
    const exchange = this.#oneOf(["", "", "", ...exchanges, "amq.topic", "amq.headers", "none"]);
    const args = {
      exchange,
      routingKey: this.#oneOf(keys),
      mandatory: int(3) === 0,
      immediate: int(40) === 0,
    };
    const properties: PropertyFields = {
      ...(int(2) === 0 ? { deliveryMode: 1 + int(2) } : {}),
      ...(int(3) === 0 ? { priority: int(6) } : {}),
      ...(int(20) === 0 ? { expiration: this.#oneOf(["3600000", "soon", "-1", ""]) } : {}),
      ...(int(20) === 0 ? { userId: this.#oneOf(["guest", "somebody"]) } : {}),
      ...(int(20) === 0 ? { replyTo: "amq.rabbitmq.reply-to" } : {}),
      ...(int(3) === 0 ? { headers: this.#headers() } : {}),
      ...(int(5) === 0 ? { messageId: "m", correlationId: "c", timestamp: 5, type: "t", appId: "a" } : {}),
    };
    return { name: "basic.publish", args, properties, body: `m${++this.#bodies}` };
  }

  get(): Pick<Deed, "name" | "args"> {
    return { name: "basic.get", args: { queue: this.#queue(), noAck: this.#random.int(3) === 0 } };
  }

  settle(): Pick<Deed, "name" | "args"> {
    const { int } = this.#random;
    const deliveryTag = this.#oneOf([0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 50]);
    const multiple = int(3) === 0;
    const name = this.#oneOf(["basic.ack", "basic.ack", "basic.nack", "basic.reject"] as const);
    if (name === "basic.ack") return { name, args: { deliveryTag, multiple } };
    const requeue = int(2) === 0;
    return {
      name,
      args: name === "basic.nack" ? { deliveryTag, multiple, requeue } : { deliveryTag, requeue },
    };
  }

  consume(): Pick<Deed, "name" | "args"> {
    const { int } = this.#random;
    const args = int(5) === 0 ? { "x-priority": this.#oneOf<FieldValue>([1, -1, "high"]) } : {};
    const flags = { noLocal: false, noAck: int(3) === 0, exclusive: int(4) === 0, noWait: int(10) === 0 };
    const consumerTag = this.#oneOf(tags);
    return { name: "basic.consume", args: { queue: this.#queue(), consumerTag, ...flags, arguments: args } };
  }

  cancel(): Pick<Deed, "name" | "args"> {
    return {
      name: "basic.cancel",
      args: { consumerTag: this.#oneOf(tags), noWait: this.#random.int(10) === 0 },
    };
  }

  qos(): Pick<Deed, "name" | "args"> {
    const { int } = this.#random;
    const prefetchSize = int(20) === 0 ? 5 : 0;
    return { name: "basic.qos", args: { prefetchSize, prefetchCount: int(4), global: int(2) === 0 } };
  }

  recover(): Pick<Deed, "name" | "args"> {
    return { name: "basic.recover", args: { requeue: this.#random.int(5) > 0 } };
  }

  mode(): Pick<Deed, "name" | "args"> {
    const name = this.#oneOf([
      "tx.commit",
      "tx.commit",
      "tx.rollback",
      "tx.select",
      "confirm.select",
    ] as const);
    return { name, args: name === "confirm.select" ? { noWait: false } : {} };
  }

  #binding() {
    const { int } = this.#random;
    const args: Table = int(4) === 0 ? { "x-match": this.#oneOf(["all", "any"]), a: int(2) } : {};
    return { routingKey: this.#oneOf(patterns), noWait: false, arguments: args };
  }

  #headers(): Table {
    const { int } = this.#random;
    return {
      ...(int(2) === 0 ? { a: int(2) } : {}),
      ...(int(6) === 0 ? { CC: [this.#oneOf(keys)] } : {}),
      ...(int(6) === 0 ? { BCC: [this.#oneOf(keys)] } : {}),
    };
  }

  #queue(): string {
    return this.#random.int(15) === 0 ? this.#oneOf(["", "none"]) : this.#oneOf(queues);
  }

  #exchange(): string {
    const { int } = this.#random;
    return int(8) === 0 ? this.#oneOf(["", "none", "amq.topic", "amq.headers"]) : this.#oneOf(exchanges);
  }

  #oneOf<T>(those: readonly T[]): T {
    return those[this.#random.int(those.length)]!;
  }
}

const weights = [
  ...(["declareQueue", "declareQueue", "declareQueue", "declareExchange", "declareExchange"] as const),
  ...(["deleteExchange", "bindExchange", "bindQueue", "bindQueue", "purge", "deleteQueue"] as const),
  ...(["publish", "publish", "publish", "publish", "publish", "publish", "get", "get", "get"] as const),
  ...([
    "settle",
    "settle",
    "settle",
    "settle",
    "consume",
    "consume",
    "cancel",
    "qos",
    "recover",
    "mode",
  ] as const),
];
