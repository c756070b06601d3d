// How a message of the Bus looks on the wire: properties, and a body of bytes. What the body is wrapped in is
// the caller's choice (`WireForm`); plain JSON without one.
import { isUtf8 } from "node:buffer";
import type { Json, Message } from "./bus.ts";
import { type Properties, type PropertyFields, propertiesOf } from "./codec/properties.ts";
import { plainTable } from "./codec/table.ts";

export interface WireForm {
  readonly contentType: string;
  encode(body: Json): Uint8Array | string;
  /** Throws when it is nothing that it can read. */
  decode(text: string): Json;
}

export const plainJson: WireForm = {
  contentType: "application/json",
  encode: (body) => JSON.stringify(body),
  // What JSON text says is JSON.
  decode: (text) => JSON.parse(text) as Json,
};

export function propertiesOfMessage(message: Message, form: WireForm): Properties {
  const { headers, messageId, correlationId, replyTo, persistent, expirationMs, priority } = message;
  const fields: PropertyFields = {
    contentType: form.contentType,
    contentEncoding: "utf-8",
    deliveryMode: persistent === true ? 2 : 1,
    ...(headers === undefined ? {} : { headers }),
    ...(priority === undefined ? {} : { priority }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(expirationMs === undefined ? {} : { expiration: String(Math.max(0, Math.round(expirationMs))) }),
    ...(messageId === undefined ? {} : { messageId }),
  };
  return propertiesOf(fields);
}

export function messageOfWire(properties: Properties, body: Buffer, form: WireForm): Message {
  const { fields, expiration } = properties;
  return {
    body: decodeBody(body, form),
    persistent: properties.isPersistent,
    ...(fields.headers === undefined ? {} : { headers: plainTable(fields.headers) }),
    ...(fields.messageId === undefined ? {} : { messageId: fields.messageId }),
    ...(fields.correlationId === undefined ? {} : { correlationId: fields.correlationId }),
    ...(fields.replyTo === undefined ? {} : { replyTo: fields.replyTo }),
    ...(fields.priority === undefined ? {} : { priority: fields.priority }),
    ...(expiration === null ? {} : { expirationMs: Number(expiration) }),
  };
}

/** What cannot be read is passed on as text (or base64): its consumer can say what it thinks of it. */
function decodeBody(body: Buffer, form: WireForm): Json {
  if (!isUtf8(body)) return body.toString("base64");
  const text = body.toString();
  try {
    return form.decode(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
