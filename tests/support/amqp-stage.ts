// Performs stories: what their clients do is done to one broker, and all that it says because of each deed is
// told, channel by channel.
import { type Args, type Heard, type MethodName, methods, RawClient, Typed } from "@micronova/amqp/testing";
import { channels, type Deed, exchanges, oddQueues, queues } from "./amqp-story.ts";

/** The channel on which it is asked how queues are. */
const watching = 10;

/** One broker as the clients of a story know it. */
export class Stage {
  readonly #port: number;
  readonly #clients: RawClient[] = [];
  /** How much a channel has published and heard of, if it confirms, by connection and channel. */
  readonly #confirms = new Map<string, { published: number; confirmed: number }>();
  /** Queues whose names the broker has chosen. */
  readonly #named = new Set<string>();

  constructor(port: number) {
    this.#port = port;
  }

  async begin(): Promise<void> {
    for (const connection of [0, 1]) await this.#open(connection);
  }

  /** Leaves nothing behind. */
  async end(): Promise<void> {
    for (const client of this.#clients) await client.cut();
    const client = await RawClient.open({ port: this.#port });
    await client.channel(1);
    for (const queue of [...queues, ...oddQueues, ...this.#named]) {
      client.send(1, "queue.delete", { queue, ifUnused: false, ifEmpty: false, noWait: false });
      // What was exclusive is gone soon, and locked until then.
      while ((await client.next()).name === "channel.close") {
        client.send(1, "channel.close-ok", {});
        await client.channel(1);
        client.send(1, "queue.delete", { queue, ifUnused: false, ifEmpty: false, noWait: false });
      }
    }
    for (const exchange of exchanges) {
      const args = { exchange, ifUnused: false, noWait: false };
      await client.call(1, "exchange.delete", args, "exchange.delete-ok");
    }
    await client.cut();
  }

  /** Does it, and tells all that the broker says because of it, channel by channel. */
  async perform(deed: Deed): Promise<readonly string[]> {
    const { connection, channel, name, args } = deed;
    const client = this.#clients[connection]!;
    // The arguments are the method's.
    client.send(channel, name, args as unknown as Args<MethodName>);
    const place = `${connection}.${channel}`;
    if (name === "basic.publish") {
      client.content(channel, deed.body ?? "", deed.properties);
      const confirms = this.#confirms.get(place);
      if (confirms !== undefined) confirms.published++;
    }
    const said: (readonly [place: string, text: string])[] = [];
    const say = (of: number, heard: Heard) => {
      const text = textOf(heard);
      if (text !== null) said.push([`${of}.${heard.channel}`, text]);
    };
    await this.#flush(connection, channel, say);
    for (const isLast of [false, true]) await this.#watch(say, isLast);
    for (const other of [0, 1])
      for (const number of Object.values(channels)) await this.#flush(other, number, say);
    return said
      .sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
      .map((one) => one.join(" "));
  }

  async #open(connection: number): Promise<void> {
    const client = await RawClient.open({ port: this.#port });
    await client.channel(...Object.values(channels), watching);
    await client.call(channels.confirming, "confirm.select", { noWait: false }, "confirm.select-ok");
    await client.call(channels.transactional, "tx.select", {}, "tx.select-ok");
    for (const place of this.#confirms.keys())
      if (place.startsWith(`${connection}.`)) this.#confirms.delete(place);
    this.#confirms.set(`${connection}.${channels.confirming}`, { published: 0, confirmed: 0 });
    this.#clients[connection] = client;
  }

  /** Waits until the channel has done what it was told, and what became of its publishes is known. */
  async #flush(connection: number, channel: number, say: Say): Promise<void> {
    const client = this.#clients[connection]!;
    client.send(channel, "channel.flow", { active: true });
    const isWaiting = () => {
      const confirms = this.#confirms.get(`${connection}.${channel}`);
      return confirms !== undefined && confirms.confirmed < confirms.published;
    };
    for (let isFlowing = false; !isFlowing || isWaiting(); ) {
      const heard = await client.next().catch(() => null);
      if (heard === null) return this.#open(connection);
      if (heard.channel !== channel || heard.name !== "channel.open-ok") this.#hear(connection, heard, say);
      if (heard.channel === channel && ["channel.flow-ok", "channel.open-ok"].includes(heard.name))
        isFlowing = true;
    }
  }

  /** Asks how queues are, of whoever may know; said is what was found the last time. */
  async #watch(say: Say, isLast: boolean): Promise<void> {
    for (const [connection, queue] of [...queues.map((name) => [0, name] as const), [1, "x1"] as const]) {
      const client = this.#clients[connection]!;
      const flags = { durable: false, exclusive: false, autoDelete: false, noWait: false, arguments: {} };
      client.send(watching, "queue.declare", { queue, passive: true, ...flags });
      for (let isKnown = false; !isKnown; ) {
        const heard = await client.next().catch(() => null);
        if (heard === null) {
          await this.#open(connection);
          break;
        }
        const isOurs = heard.channel === watching;
        isKnown = isOurs && (heard.name === "queue.declare-ok" || heard.name === "channel.open-ok");
        this.#hear(connection, heard, isOurs && !isLast ? () => undefined : say);
      }
    }
  }

  /** Tells it, and does what a client must. */
  #hear(connection: number, heard: Heard, say: Say): void {
    const client = this.#clients[connection]!;
    const { channel } = heard;
    const place = `${connection}.${channel}`;
    say(connection, heard);
    if (heard.name === "channel.close") {
      this.#confirms.delete(place);
      client.send(channel, "channel.close-ok", {});
      client.send(channel, "channel.open", {});
    } else if (heard.name === "connection.close") client.send(0, "connection.close-ok", {});
    else if (heard.name === "confirm.select-ok") this.#confirms.set(place, { published: 0, confirmed: 0 });
    else if (heard.name === "basic.ack" || heard.name === "basic.nack") {
      const confirms = this.#confirms.get(place);
      if (confirms !== undefined) confirms.confirmed = heard.args.deliveryTag;
    } else if (heard.name === "queue.declare-ok" && heard.args.queue.startsWith("amq."))
      this.#named.add(heard.args.queue);
  }
}

type Say = (connection: number, heard: Heard) => void;

/** What was heard as text; null for what every broker says in its own time. */
function textOf({ name, args, properties, body }: Heard): string | null {
  if (name === "channel.open-ok" || name === "channel.flow-ok") return null;
  const { multiple, ...told } = args as Readonly<Record<string, unknown>>;
  const content =
    methods[name] !== undefined && "hasContent" in methods[name] ? [properties, body.toString()] : [];
  return JSON.stringify([name, told, ...content], (key, value) => plainOf(key, value))
    .replaceAll(/amq\.gen-[\w-]{22}/g, "amq.gen-")
    .replaceAll(/amq\.ctag-[\w-]{22}/g, "amq.ctag-");
}

function plainOf(key: string, value: unknown): unknown {
  // When somebody died is not what is compared.
  if (key === "time") return 0;
  if (value instanceof Typed) return `${value.kind} ${String(value.value)}`;
  return typeof value === "bigint" ? String(value) : value;
}

/**
 * Which channel consumes what, to leave out what brokers may do in any order: two consumers of a channel, and
 * two of a queue.
 */
export class Consuming {
  readonly #queueOf = new Map<string, string>();

  /** Whether the order of deliveries is not a matter of chance after it. */
  allows({ name, connection, channel, args }: Deed): boolean {
    if (name !== "basic.consume") return true;
    const queue = String(args["queue"]);
    const isTaken = [...this.#queueOf.values()].includes(queue);
    return queue !== "" && !isTaken && !this.#queueOf.has(`${connection}.${channel}`);
  }

  note({ name, connection, channel, args }: Deed, said: readonly string[]): void {
    const place = `${connection}.${channel}`;
    if (name === "basic.consume") this.#queueOf.set(place, String(args["queue"]));
    if (name === "basic.cancel") this.#queueOf.delete(place);
    for (const one of said) {
      const [where = "", what = ""] = [one.slice(0, one.indexOf(" ")), one.slice(one.indexOf(" ") + 1)];
      if (/^\["(?:channel\.close|basic\.cancel)"/.test(what)) this.#queueOf.delete(where);
      if (what.startsWith('["connection.close"'))
        for (const other of [...this.#queueOf.keys()])
          if (other.startsWith(where.slice(0, 2))) this.#queueOf.delete(other);
    }
  }
}
