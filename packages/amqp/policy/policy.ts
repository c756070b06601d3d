// Policies: what an operator says about all queues or exchanges whose names match a pattern, on top of how
// they were declared. Settings are checked with RabbitMQ's words, since its tools show them.
import { amqpErrors } from "../errors.ts";
import { overflows } from "../queue/queue-arguments.ts";

export type AppliesTo = "all" | "queues" | "exchanges";
export type PolicySetting = string | number;

export interface Policy {
  readonly name: string;
  /** A regular expression, found anywhere in the name. */
  readonly pattern: string;
  readonly appliesTo: AppliesTo;
  readonly definition: Readonly<Record<string, PolicySetting>>;
  /** Of those that match the highest counts alone. */
  readonly priority: number;
}

/** A policy as somebody gives it: anything may be anything. */
export interface GivenPolicy {
  readonly name: string;
  readonly pattern: unknown;
  readonly appliesTo: unknown;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly priority: unknown;
}

interface Setting {
  /** What it is called in refusals. */
  readonly title: string;
  readonly isValid: (value: unknown) => boolean;
}

const isText = (value: unknown) => typeof value === "string";
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const oneOf = (values: readonly unknown[]) => (value: unknown) => values.includes(value);

/**
 * What policies may set. The second half means nothing here: how messages wait and on which nodes is the
 * broker's own affair, and there is one node.
 */
const settings = new Map<string, Setting>([
  ["alternate-exchange", { title: "alternate exchange name", isValid: isText }],
  ["dead-letter-exchange", { title: "dead letter exchange name", isValid: isText }],
  ["dead-letter-routing-key", { title: "dead letter routing key", isValid: isText }],
  ["delivery-limit", { title: "delivery limit", isValid: isCount }],
  ["expires", { title: "queue expiry", isValid: (value) => isCount(value) && value !== 0 }],
  ["max-length", { title: "maximum length", isValid: isCount }],
  ["max-length-bytes", { title: "maximum length in bytes", isValid: isCount }],
  ["message-ttl", { title: "message TTL", isValid: isCount }],
  ["overflow", { title: "overflow value", isValid: oneOf(overflows) }],

  [
    "dead-letter-strategy",
    { title: "dead letter strategy", isValid: oneOf(["at-most-once", "at-least-once"]) },
  ],
  ["ha-mode", { title: "ha-mode value", isValid: oneOf(["all"]) }],
  ["ha-sync-mode", { title: "ha-sync-mode value", isValid: oneOf(["automatic", "manual"]) }],
  ["max-in-memory-bytes", { title: "maximum memory in bytes", isValid: isCount }],
  ["max-in-memory-length", { title: "maximum memory in bytes", isValid: isCount }],
  ["queue-master-locator", { title: "queue master locator", isValid: isText }],
  ["queue-mode", { title: "queue-mode value", isValid: oneOf(["default", "lazy"]) }],
  ["queue-version", { title: "queue-version value", isValid: oneOf([1, 2]) }],
]);

const targets: readonly unknown[] = ["all", "queues", "exchanges"];

/** Throws for what is no policy. */
export function readPolicy({ name, pattern, appliesTo, definition, priority }: GivenPolicy): Policy {
  const refuse = (why: string) => amqpErrors.badPolicy(name, why);
  if (typeof priority !== "number")
    throw refuse(`priority should be a number, actually was ${shown(priority)}`);
  if (!isText(pattern)) throw refuse(`pattern should be a binary but was ${shown(pattern)}`);
  compile(name, String(pattern));
  if (!targets.includes(appliesTo))
    throw refuse(`apply-to '${String(appliesTo)}' unrecognised; should be 'queues', 'exchanges' or 'all'`);
  const given = Object.entries(definition);
  if (given.length === 0) throw refuse("no policy provided");
  for (const [key, value] of given) {
    const setting = settings.get(key);
    if (setting?.isValid(value) === false) throw refuse(`${shown(value)} is not a valid ${setting.title}`);
  }
  const unknown = given.filter(([key]) => !settings.has(key));
  if (unknown.length > 0) {
    const pairs = unknown.map(([key, value]) => `{${shown(key)},${shown(value)}}`);
    throw refuse(`[${pairs.join(",")}] are not recognised policy settings`);
  }
  // Looked at above, one after the other.
  return { name, pattern, appliesTo, definition, priority } as Policy;
}

function compile(name: string, pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw amqpErrors.badPolicy(
      name,
      `pattern should be regular expression but is invalid: ${JSON.stringify(error.message)}`,
    );
  }
}

/** A value as Erlang writes it. */
function shown(value: unknown): string {
  return typeof value === "string" ? `<<${JSON.stringify(value)}>>` : JSON.stringify(value);
}
