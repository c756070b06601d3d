// Messages by hand: one published, some taken out of a queue to be looked at.
import { isUtf8 } from "node:buffer";
import { type PropertyFields, plainTable, type TakeMode } from "@micronova/amqp";
import { deskFor, publishing, taking } from "../desk.ts";
import { managementErrors } from "../errors.ts";
import { assertFields, countField, objectField, shortText, tableOf, textField } from "../fields.ts";
import { type Asked, hostOf, type JsonObject, param, type Route, route, value } from "../routes.ts";
import { exchangeName } from "./exchanges.ts";

export const messageRoutes: readonly Route[] = [
  route("POST", "/exchanges/:vhost/:exchange/publish", "host", async (asked) => value(await publish(asked))),
  route("POST", "/queues/:vhost/:queue/get", "host", async (asked) => value(await get(asked))),
  route("GET", "/aliveness-test/:vhost", "host", async (asked) => value(await aliveness(asked))),
];

/** How a mode settles what was taken. */
const modes: Readonly<Record<string, TakeMode>> = {
  ack_requeue_true: "return",
  ack_requeue_false: "ack",
  reject_requeue_true: "return",
  reject_requeue_false: "reject",
};

// So many messages at a time are an answer; more of them are a consumer's work.
const countMax = 100_000;

async function publish(asked: Asked): Promise<JsonObject> {
  const body = await asked.json();
  assertFields(body, ["properties", "routing_key", "payload", "payload_encoding"]);
  const message = {
    exchange: shortText(exchangeName(asked)),
    key: shortText(textField(body, "routing_key")),
    properties: propertiesOf(objectField(body, "properties")),
    body: payloadOf(textField(body, "payload"), textField(body, "payload_encoding")),
  };
  const outcome = await publishing(deskFor(asked, hostOf(asked)).publish(message));
  if (outcome === "refused")
    throw managementErrors.badRequest("rejected Unable to publish message. Check queue limits.");
  return { routed: outcome === "routed" };
}

function payloadOf(payload: string, encoding: string): Buffer {
  if (encoding === "string") return Buffer.from(payload);
  if (encoding !== "base64") throw managementErrors.badRequest(`unsupported_encoding: ${encoding}`);
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(payload))
    throw managementErrors.badRequest(`not_base64: ${payload}`);
  return Buffer.from(payload, "base64");
}

async function get(asked: Asked): Promise<readonly JsonObject[]> {
  const body = await asked.json();
  assertFields(body, ["ackmode", "count", "encoding"]);
  const ackmode = textField(body, "ackmode");
  const mode = modes[ackmode];
  if (mode === undefined)
    throw managementErrors.badRequest(`ackmode is one of ${Object.keys(modes).join(", ")}, not ${ackmode}`);
  const encoding = textField(body, "encoding");
  if (encoding !== "auto" && encoding !== "base64")
    throw managementErrors.badRequest("Unsupported encoding. Please use auto or base64.");
  const bytesMax = body["truncate"] === undefined ? Number.POSITIVE_INFINITY : countField(body, "truncate");
  const options = { countMax: Math.min(countField(body, "count"), countMax), mode };
  const desk = deskFor(asked, hostOf(asked));
  const messages = taking(() => desk.take(param(asked, "queue"), options));
  return messages.map(({ exchange, key, redelivered, messageCount, properties, body: bytes }) => ({
    payload_bytes: bytes.length,
    redelivered,
    exchange,
    routing_key: key,
    message_count: messageCount,
    properties: shownProperties(properties),
    ...shownPayload(bytes.subarray(0, bytesMax), encoding),
  }));
}

function shownPayload(bytes: Buffer, encoding: "auto" | "base64") {
  return encoding === "auto" && isUtf8(bytes)
    ? { payload: bytes.toString(), payload_encoding: "string" }
    : { payload: bytes.toString("base64"), payload_encoding: "base64" };
}

/** Properties by RabbitMQ's names; ours and their type. */
const propertyNames: readonly (readonly [
  name: string,
  field: keyof PropertyFields,
  type: "text" | "number",
])[] = [
  ["content_type", "contentType", "text"],
  ["content_encoding", "contentEncoding", "text"],
  ["delivery_mode", "deliveryMode", "number"],
  ["priority", "priority", "number"],
  ["correlation_id", "correlationId", "text"],
  ["reply_to", "replyTo", "text"],
  ["expiration", "expiration", "text"],
  ["message_id", "messageId", "text"],
  ["timestamp", "timestamp", "number"],
  ["type", "type", "text"],
  ["user_id", "userId", "text"],
  ["app_id", "appId", "text"],
  ["cluster_id", "clusterId", "text"],
];

// What fits the property on the wire.
const octetMax = 255;

function propertiesOf(given: JsonObject): PropertyFields {
  const fields: Record<string, unknown> = {};
  for (const [name, field, type] of propertyNames) {
    if (given[name] === undefined) continue;
    fields[field] = type === "text" ? shortText(textField(given, name)) : numberOf(given, name);
  }
  // Built by the table above, whose fields are those of the type.
  return (
    given["headers"] === undefined ? fields : { ...fields, headers: tableOf(objectField(given, "headers")) }
  ) as PropertyFields;
}

function numberOf(given: JsonObject, name: string): number {
  const number = given[name];
  const max = name === "timestamp" ? Number.MAX_SAFE_INTEGER : octetMax;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= max) return number;
  throw managementErrors.badRequest(`not_int: ${name}`);
}

/** An empty list for none, as RabbitMQ shows them. */
function shownProperties(fields: PropertyFields): JsonObject | readonly never[] {
  const shown = propertyNames.flatMap(([name, field]) =>
    fields[field] === undefined ? [] : [[name, fields[field]] as const],
  );
  const headers = fields.headers === undefined ? [] : [["headers", plainTable(fields.headers)] as const];
  return shown.length + headers.length === 0 ? [] : Object.fromEntries([...shown, ...headers]);
}

const testQueue = "aliveness-test";

/** A message goes in and comes out again, with the rights of who asks. */
async function aliveness(asked: Asked): Promise<JsonObject> {
  const desk = deskFor(asked, hostOf(asked));
  const spec = { durable: false, exclusive: false, autoDelete: false, arguments: {} };
  const body = Buffer.from("test_message");
  taking(() => desk.declareQueue({ name: testQueue, ...spec }));
  await publishing(desk.publish({ exchange: "", key: testQueue, properties: {}, body }));
  const [taken] = taking(() => desk.take(testQueue, { countMax: 1, mode: "ack" }));
  if (taken === undefined) throw managementErrors.notAlive();
  return { status: "ok" };
}
