// What queues of a type cannot have. Both types are the same queue here, a quorum of one; what RabbitMQ
// refuses is refused all the same, so that a declaration that passes here passes there.
import { Typed } from "../codec/table.ts";
import type { Content } from "../content.ts";
import { amqpErrors } from "../errors.ts";
import type { WireForm } from "../wire-form.ts";
import type { QueueSpec } from "./message-queue.ts";

/** On a cluster, classic ones are on one of its nodes, and quorum ones replicated. */
export type QueueType = "classic" | "quorum";

const ofStreams = ["x-max-age", "x-stream-max-segment-size-bytes", "x-initial-cluster-size"];
const foreign: Readonly<Record<QueueType, readonly string[]>> = {
  classic: [
    ...ofStreams,
    ...["x-delivery-limit", "x-dead-letter-strategy", "x-quorum-initial-group-size"],
    ...["x-max-in-memory-length", "x-max-in-memory-bytes", "x-queue-leader-locator"],
  ],
  quorum: [...ofStreams, "x-max-priority", "x-queue-mode", "x-queue-version", "x-queue-master-locator"],
};

const countHeader = "x-delivery-count";

/** A message of a quorum queue as its consumers get it: it says how often it has come back. */
export function countedDelivery(content: Content, returns: number, form: WireForm): Content {
  const properties = content.properties(form);
  const headers = { ...properties.headers, [countHeader]: new Typed("l", BigInt(returns)) };
  return content.copy(content.label, properties.with({ headers }), form);
}

export function typeOf({ arguments: args }: QueueSpec): QueueType {
  return args["x-queue-type"] === "quorum" ? "quorum" : "classic";
}

/** Throws for an argument that queues of that type do not have. */
export function assertArgumentsOfType(spec: QueueSpec): void {
  const type = typeOf(spec);
  const argument = foreign[type].find((one) => spec.arguments[one] !== undefined);
  if (argument !== undefined) throw amqpErrors.argumentOfOtherType(spec.name, argument, type);
}

/** Throws for a property that queues of that type do not have. */
export function assertPropertiesOfType(spec: QueueSpec): void {
  if (typeOf(spec) === "classic") return;
  const { name, durable, exclusive, autoDelete } = spec;
  if (autoDelete) throw amqpErrors.propertyOfOtherType(name, "auto-delete");
  if (exclusive) throw amqpErrors.propertyOfOtherType(name, "exclusive-owner");
  if (!durable) throw amqpErrors.propertyOfOtherType(name, "non-durable");
}
