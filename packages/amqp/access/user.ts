// One user: how it proves who it is, and what it may do in each virtual host. Connections hold on to it, so
// that what changes here changes for them at once.
import { amqpErrors } from "../errors.ts";
import { isPassword, type PasswordHash } from "./passwords.ts";

/** Patterns for configuring, writing to and reading from what carries a name. */
export interface Permission {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

export type Right = keyof Permission;

/** A user as it is written down. */
export interface UserRecord extends PasswordHash {
  readonly name: string;
  readonly tags: readonly string[];
}

interface Granted {
  readonly permission: Permission;
  readonly patterns: Readonly<Record<Right, RegExp>>;
}

// How many answers are remembered for each user before all are forgotten: names repeat.
const rememberedMax = 10_000;
// Refused from other machines, as RabbitMQ refuses it: everybody knows its password.
const localOnly = "guest";

export class User {
  readonly name: string;
  #record: UserRecord;
  readonly #granted = new Map<string, Granted>();
  readonly #answers = new Map<string, boolean>();

  constructor(record: UserRecord) {
    this.name = record.name;
    this.#record = record;
  }

  get record(): UserRecord {
    return this.#record;
  }

  get tags(): readonly string[] {
    return this.#record.tags;
  }

  get isLocalOnly(): boolean {
    return this.name === localOnly;
  }

  /** By virtual host. */
  get permissions(): ReadonlyMap<string, Permission> {
    return new Map([...this.#granted].map(([host, { permission }]) => [host, permission]));
  }

  hasPassword(password: string): boolean {
    return isPassword(this.#record, password);
  }

  mayOpen(host: string): boolean {
    return this.#granted.has(host);
  }

  may(right: Right, host: string, name: string): boolean {
    const question = `${right} ${host} ${name}`;
    const known = this.#answers.get(question);
    if (known !== undefined) return known;
    const answer = this.#granted.get(host)?.patterns[right].test(name) ?? false;
    if (this.#answers.size >= rememberedMax) this.#answers.clear();
    this.#answers.set(question, answer);
    return answer;
  }

  change(record: UserRecord): void {
    this.#record = record;
  }

  grant(host: string, permission: Permission, patterns: Granted["patterns"]): void {
    this.#granted.set(host, { permission, patterns });
    this.#answers.clear();
  }

  revoke(host: string): void {
    this.#granted.delete(host);
    this.#answers.clear();
  }

  revokeAll(): void {
    this.#granted.clear();
    this.#answers.clear();
  }
}

export function readPatterns({ configure, write, read }: Permission): Granted["patterns"] {
  return { configure: pattern(configure), write: pattern(write), read: pattern(read) };
}

/** RabbitMQ's patterns are found anywhere in the name; the empty one matches the empty name alone. */
function pattern(text: string): RegExp {
  const source = text === "" ? "^$" : text;
  try {
    return new RegExp(source, "u");
  } catch {
    // Escapes that need none, such as `\-`, are errors in the strict form; RabbitMQ takes them.
    return lenientPattern(source);
  }
}

function lenientPattern(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    if (error instanceof SyntaxError) throw amqpErrors.badPattern(source, error.message);
    throw error;
  }
}
