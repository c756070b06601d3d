// What somebody does to the exchanges and queues of a virtual host, held against what they may: the same for
// the methods of a channel and for requests to the management.
import type { Right, User } from "./access/user.ts";
import type { ExchangeKind } from "./bus.ts";
import { ReplyError } from "./codec/reply-codes.ts";
import { type FieldValue, plainTable, type Table } from "./codec/table.ts";
import { amqpErrors } from "./errors.ts";
import type { BoundExchange, ExchangeSpec } from "./exchange/bound-exchange.ts";
import type { MessageQueue, QueueSpec } from "./queue/message-queue.ts";
import { typeName } from "./queue/queue-arguments.ts";
import type { VirtualHost } from "./virtual-host.ts";

export interface Actor {
  readonly host: VirtualHost;
  readonly user: Pick<User, "name" | "may" | "tags">;
  /** Whose exclusive queues it may use. */
  readonly owner: object;
}

/** An exchange to declare, of a type that may be none. */
export interface ExchangeDeclaration extends Omit<ExchangeSpec, "kind"> {
  readonly type: string;
}

/** A binding of a queue or an exchange, by its name. */
export interface BindingDeclaration {
  readonly source: string;
  readonly destination: string;
  readonly key: string;
  readonly arguments: Table;
}

const kinds: readonly string[] = ["direct", "topic", "fanout", "headers"];

export function assertMay(
  { user, host }: Actor,
  right: Right,
  kind: "exchange" | "queue",
  name: string,
): void {
  if (user.may(right, host.name, name)) return;
  throw new ReplyError(
    "ACCESS_REFUSED",
    `access to ${kind} '${name}' in vhost '${host.name}' refused for user '${user.name}'`,
  );
}

/** Throws unless messages may be published to the exchange. */
export function assertWritable(actor: Actor, name: string): void {
  assertMay(actor, "write", "exchange", name === "" ? "amq.default" : name);
  if (name === "") return;
  if (actor.host.exchange(name).spec.internal)
    throw new ReplyError(
      "ACCESS_REFUSED",
      `cannot publish to internal exchange '${name}' in vhost '${actor.host.name}'`,
    );
}

export function declareExchange(actor: Actor, { type, ...spec }: ExchangeDeclaration): void {
  const { name } = spec;
  if (!kinds.includes(type)) throw new ReplyError("COMMAND_INVALID", `unknown exchange type '${type}'`);
  assertNotDefault(name);
  assertMay(actor, "configure", "exchange", name);
  assertAlternateRights(actor, spec);
  if (actor.host.findExchange(name) === null) assertUnreserved("exchange", name);
  // The list above has the kinds that there are.
  actor.host.declareExchange({ ...spec, kind: type as ExchangeKind });
}

export function existingExchange({ host }: Actor, name: string): BoundExchange {
  assertNotDefault(name);
  return host.exchange(name);
}

export function deleteExchange(actor: Actor, name: string, options: { readonly ifUnused: boolean }): void {
  assertNotDefault(name);
  if (isReserved(name))
    throw new ReplyError(
      "ACCESS_REFUSED",
      `deletion of system exchange '${name}' in vhost '${actor.host.name}' not allowed`,
    );
  assertMay(actor, "configure", "exchange", name);
  actor.host.deleteExchange(name, options);
}

/** Declares a queue; its name is one that the broker gave when `isNamed` is false. */
export function declareQueue(actor: Actor, spec: QueueSpec, isNamed: boolean): MessageQueue {
  const { name, arguments: table } = spec;
  assertMay(actor, "configure", "queue", name);
  const letters = table["x-dead-letter-exchange"];
  if (typeof letters === "string") {
    assertMay(actor, "read", "queue", name);
    assertMay(actor, "write", "exchange", letters === "" ? "amq.default" : letters);
  }
  if (isNamed && actor.host.findQueue(name) === null) assertUnreserved("queue", name);
  return actor.host.declareQueue(spec, actor.owner);
}

/** An existing queue that the actor may use. */
export function existingQueue(actor: Actor, name: string): MessageQueue {
  const queue = actor.host.queue(name);
  assertMine(actor, queue);
  queue.touch();
  return queue;
}

export function purgeQueue(actor: Actor, name: string): number {
  const queue = existingQueue(actor, name);
  assertMay(actor, "read", "queue", name);
  return queue.purge();
}

/** Says how many messages went with it. */
export function deleteQueue(
  actor: Actor,
  name: string,
  options: { readonly ifUnused: boolean; readonly ifEmpty: boolean },
): number {
  assertMay(actor, "configure", "queue", name);
  assertMine(actor, actor.host.findQueue(name));
  return actor.host.deleteQueue(name, options);
}

export function bindQueue(actor: Actor, binding: BindingDeclaration): void {
  assertMayBind(actor, "queue", binding);
  assertBindable(actor.host.exchange(binding.source), binding);
  actor.host.bind(existingQueue(actor, binding.destination), binding);
}

/** What is not bound, or not there, is as good as unbound. */
export function unbindQueue(actor: Actor, binding: BindingDeclaration): void {
  assertMayBind(actor, "queue", binding);
  const queue = actor.host.findQueue(binding.destination);
  if (queue === null || !actor.host.isBound(queue, binding)) return;
  assertMine(actor, queue);
  actor.host.unbind(queue, binding);
}

export function bindExchange(actor: Actor, binding: BindingDeclaration): void {
  assertMayBind(actor, "exchange", binding);
  assertBindable(actor.host.exchange(binding.source), binding);
  actor.host.bind(actor.host.exchange(binding.destination), binding);
}

export function unbindExchange(actor: Actor, binding: BindingDeclaration): void {
  assertMayBind(actor, "exchange", binding);
  const exchange = actor.host.findExchange(binding.destination);
  if (exchange !== null) actor.host.unbind(exchange, binding);
}

function assertMayBind(
  actor: Actor,
  to: "exchange" | "queue",
  { source, destination }: BindingDeclaration,
): void {
  assertNotDefault(source);
  if (to === "exchange") assertNotDefault(destination);
  assertMay(actor, "write", to, destination);
  assertMay(actor, "read", "exchange", source);
}

const matches: readonly FieldValue[] = ["all", "any", "all-with-x", "any-with-x"];

/** A headers exchange must know how to compare. */
function assertBindable({ spec }: BoundExchange, { arguments: args }: BindingDeclaration): void {
  const match = args["x-match"];
  if (spec.kind !== "headers" || match === undefined || matches.includes(match)) return;
  const why =
    typeof match === "string"
      ? `value <<"${match}">>; expected all, any, all-with-x, or any-with-x`
      : `type ${typeName(match)} (value ${JSON.stringify(plainTable({ match })["match"])}); expected longstr`;
  throw new ReplyError("PRECONDITION_FAILED", `Invalid x-match field ${why}`);
}

/** Whoever names an alternate must be allowed to read the one and write the other. */
function assertAlternateRights(
  actor: Actor,
  { name, arguments: args }: Pick<ExchangeSpec, "name" | "arguments">,
) {
  const alternate = args["alternate-exchange"];
  if (typeof alternate !== "string") return;
  assertMay(actor, "read", "exchange", name);
  assertMay(actor, "write", "exchange", alternate);
}

function assertMine({ owner }: Actor, queue: MessageQueue | null): void {
  if (queue !== null && queue.owner !== null && queue.owner !== owner)
    throw amqpErrors.queueLocked(queue.name);
}

const isReserved = (name: string) => name.startsWith("amq.");

/** Names that begin so are the broker's to give. */
function assertUnreserved(kind: "exchange" | "queue", name: string): void {
  if (isReserved(name))
    throw new ReplyError("ACCESS_REFUSED", `${kind} name '${name}' contains reserved prefix 'amq.*'`);
}

function assertNotDefault(exchange: string): void {
  if (exchange === "")
    throw new ReplyError("ACCESS_REFUSED", "operation not permitted on the default exchange");
}
