// What a dead letter looks like: the same body, with the story of its deaths in `x-death`, as RabbitMQ tells it.
import type { Millis } from "@micronova/kit";
import { type FieldValue, type Table, Typed } from "./codec/table.ts";
import { type Content, Label } from "./content.ts";
import type { MessageQueue } from "./queue/message-queue.ts";
import type { DeathReason } from "./queue/queue-deps.ts";
import type { WireForm } from "./wire-form.ts";

export interface Death {
  readonly queue: MessageQueue;
  readonly reason: DeathReason;
  readonly at: Millis;
}

/** The dead letter of a message, addressed as its queue says; `exchange` is the queue's. */
export function deadLetterOf(content: Content, exchange: string, death: Death, form: WireForm): Content {
  const { queue, reason, at } = death;
  const { exchange: from, key } = content.label;
  const properties = content.properties(form);
  const { headers, expiration } = properties;
  const keys = [key, ...textsOf(headers["CC"])];
  const entry: Table = {
    count: new Typed("l", BigInt(countOf(headers, queue.name, reason) + 1)),
    reason,
    queue: queue.name,
    time: new Typed("T", Math.floor(at / 1000)),
    exchange: from,
    "routing-keys": keys,
    ...(expiration === null ? {} : { "original-expiration": expiration }),
  };
  const others = deathsOf(headers).filter((other) => !isSameDeath(other, queue.name, reason));
  const firsts: Table =
    headers["x-first-death-reason"] === undefined
      ? {
          "x-first-death-exchange": from,
          "x-first-death-queue": queue.name,
          "x-first-death-reason": reason,
        }
      : {};
  // The queue's key for dead letters is in place of all keys that the message had.
  const { CC: _, ...withoutKeys } = headers;
  const visible = queue.arguments.deadLetterKey === null ? headers : withoutKeys;
  const changes = {
    headers: { ...visible, ...firsts, "x-death": [entry, ...others] },
    expiration: undefined,
  };
  const label = new Label(exchange, queue.arguments.deadLetterKey ?? key);
  return content.copy(label, properties.with(changes), form);
}

/**
 * Whether a letter would go round for ever: it has been in that queue before, and since then nobody rejected
 * it, which would be somebody's will.
 */
export function isCycle(headers: Table, queue: string): boolean {
  const deaths = deathsOf(headers);
  const last = deaths.findIndex((death) => death["queue"] === queue);
  if (last === -1) return false;
  return deaths.slice(0, last + 1).every((death) => death["reason"] !== "rejected");
}

/** What a publisher has put there itself may be anything. */
function countOf(headers: Table, queue: string, reason: string): number {
  const count = deathsOf(headers).find((death) => isSameDeath(death, queue, reason))?.["count"];
  const value = count instanceof Typed ? count.value : count;
  const known = typeof value === "bigint" ? Number(value) : value;
  return typeof known === "number" && Number.isSafeInteger(known) ? known : 0;
}

function isSameDeath(death: Table, queue: string, reason: string): boolean {
  return death["queue"] === queue && death["reason"] === reason;
}

function deathsOf(headers: Table): readonly Table[] {
  const deaths = headers["x-death"];
  return Array.isArray(deaths) ? deaths.filter(isTable) : [];
}

function isTable(value: FieldValue): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Typed);
}

/** The texts of a `CC` or `BCC` header. */
export function textsOf(value: FieldValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
