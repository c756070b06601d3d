// The door for what comes as single requests, such as management's: somebody acts in one virtual host, with
// the rights that he has there. What is refused is refused in AMQP's words.
import type { User } from "./access/user.ts";
import {
  type Actor,
  assertMay,
  assertWritable,
  type BindingDeclaration,
  bindExchange,
  bindQueue,
  declareExchange,
  declareQueue,
  deleteExchange,
  deleteQueue,
  type ExchangeDeclaration,
  existingQueue,
  purgeQueue,
  unbindExchange,
  unbindQueue,
} from "./acts.ts";
import type { Broker } from "./broker.ts";
import { type PropertyFields, propertiesOf } from "./codec/properties.ts";
import { contentOfBytes, Label } from "./content.ts";
import type { Entry } from "./queue/entry.ts";
import type { QueueSpec } from "./queue/message-queue.ts";
import { assertProperties } from "./server/publishing.ts";
import { replyOf } from "./server/replies.ts";
import type { MessageStats } from "./statistics.ts";
import { refused, taken, type VirtualHost } from "./virtual-host.ts";
import type { WireForm } from "./wire-form.ts";

export interface DeskMessage {
  readonly exchange: string;
  readonly key: string;
  readonly properties: PropertyFields;
  readonly body: Buffer;
}

export interface TakenMessage extends DeskMessage {
  readonly redelivered: boolean;
  /** How many waited behind it. */
  readonly messageCount: number;
}

/** What becomes of messages that were looked at. */
export type TakeMode = "ack" | "return" | "reject";

/** What became of a publish. */
export type Published = "routed" | "unroutable" | "refused";

export interface Desk {
  declareExchange(exchange: ExchangeDeclaration): void;
  deleteExchange(name: string, options: { readonly ifUnused: boolean }): void;
  declareQueue(queue: QueueSpec): void;
  deleteQueue(name: string, options: { readonly ifUnused: boolean; readonly ifEmpty: boolean }): void;
  purgeQueue(name: string): void;
  bind(to: "queue" | "exchange", binding: BindingDeclaration): void;
  unbind(from: "queue" | "exchange", binding: BindingDeclaration): void;
  /** Resolves once the broker is responsible for it. */
  publish(message: DeskMessage): Promise<Published>;
  take(
    queue: string,
    options: { readonly countMax: number; readonly mode: TakeMode },
  ): readonly TakenMessage[];
}

/** Throws `ReplyError` for what is refused. */
export function deskOf(broker: Broker, host: VirtualHost, user: Pick<User, "name" | "may" | "tags">): Desk {
  const actor: Actor = { host, user, owner: {} };
  const { form } = broker;
  const act = <T>(what: () => T): T => {
    try {
      return what();
    } catch (error) {
      throw replyOf(error, host.name) ?? error;
    }
  };
  return {
    declareExchange: (exchange) => act(() => declareExchange(actor, exchange)),
    deleteExchange: (name, options) => act(() => deleteExchange(actor, name, options)),
    declareQueue: (queue) => void act(() => declareQueue(actor, queue, true)),
    deleteQueue: (name, options) => void act(() => deleteQueue(actor, name, options)),
    purgeQueue: (name) => void act(() => purgeQueue(actor, name)),
    bind: (to, binding) => act(() => (to === "queue" ? bindQueue : bindExchange)(actor, binding)),
    unbind: (from, binding) => act(() => (from === "queue" ? unbindQueue : unbindExchange)(actor, binding)),
    publish: async (message) =>
      act(() => counted(host, (stats) => publish(broker, { actor, message, stats }))),
    take: (queue, options) =>
      act(() => counted(host, (stats) => take(actor, { queue, stats, form, ...options }))),
  };
}

/** What a desk does counts as done through a door that is closed at once. */
function counted<T>(host: VirtualHost, act: (stats: MessageStats) => T): T {
  const stats = host.stats.open();
  try {
    return act(stats);
  } finally {
    host.stats.close(stats);
  }
}

interface Publish {
  readonly actor: Actor;
  readonly message: DeskMessage;
  readonly stats: MessageStats;
}

function publish({ journal }: Broker, { actor, message, stats }: Publish): Promise<Published> {
  const { host, user } = actor;
  const { exchange, key, body } = message;
  assertWritable(actor, exchange);
  const properties = propertiesOf(message.properties);
  assertProperties(properties, user);
  const content = contentOfBytes(new Label(exchange, key), properties, body);
  const queues = host.route(content);
  const { stats: exchangeStats } = host.exchangeOrDefault(exchange);
  stats.publish++;
  exchangeStats.publish_in++;
  exchangeStats.publish_out += queues.length;
  if (queues.length === 0) {
    stats.return_unroutable++;
    return Promise.resolve("unroutable");
  }
  const batch = host.enqueue(queues, content);
  if (batch === refused) return Promise.resolve("refused");
  if (batch <= taken || journal === null) return Promise.resolve("routed");
  return new Promise((resolve) => journal.whenSafe(batch, () => resolve("routed")));
}

interface Take {
  readonly queue: string;
  readonly countMax: number;
  readonly mode: TakeMode;
  readonly stats: MessageStats;
  readonly form: WireForm;
}

/** Takes them all before it gives any back: what is given back comes first again. */
function take(actor: Actor, { queue: name, countMax, mode, stats, form }: Take): readonly TakenMessage[] {
  assertMay(actor, "read", "queue", name);
  const queue = existingQueue(actor, name);
  const entries: Entry[] = [];
  const messages: TakenMessage[] = [];
  while (entries.length < countMax) {
    const entry = queue.get();
    if (entry === null) break;
    entries.push(entry);
    const { delivered: content, redelivered } = entry;
    messages.push({
      exchange: content.label.exchange,
      key: content.label.key,
      properties: content.properties(form).fields,
      body: content.wholeBody(form),
      redelivered,
      messageCount: queue.readyCount,
    });
  }
  for (const entry of entries) {
    for (const counter of [stats, queue.stats]) {
      if (mode === "ack") counter.get_no_ack++;
      else counter.get++;
      if (entry.redelivered) counter.redeliver++;
    }
    queue.settle(entry, mode);
  }
  return messages;
}
