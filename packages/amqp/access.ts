// Who may connect, and what each may do in a virtual host: patterns for configuring, writing to and reading
// from what carries a name, as RabbitMQ has them.
import { createHash, timingSafeEqual } from "node:crypto";

export interface Permission {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

export interface UserSpec {
  readonly name: string;
  readonly password: string;
  readonly tags?: readonly string[];
  /** By virtual host. */
  readonly permissions: Readonly<Record<string, Permission>>;
  /** Refused from other machines, as RabbitMQ's guest is. */
  readonly isLocalOnly?: boolean;
}

export type Right = keyof Permission;

const everything: Permission = { configure: ".*", write: ".*", read: ".*" };
const guest: UserSpec = {
  name: "guest",
  password: "guest",
  tags: ["administrator"],
  permissions: { "/": everything },
  isLocalOnly: true,
};

// How many answers are remembered for each user before all are forgotten: names repeat.
const rememberedMax = 10_000;

export class User {
  readonly name: string;
  readonly tags: readonly string[];
  readonly isLocalOnly: boolean;
  readonly #secret: Buffer;
  readonly #patterns: ReadonlyMap<string, Readonly<Record<Right, RegExp>>>;
  readonly #answers = new Map<string, boolean>();

  constructor({ name, password, tags, permissions, isLocalOnly }: UserSpec) {
    this.name = name;
    this.tags = tags ?? [];
    this.isLocalOnly = isLocalOnly ?? false;
    this.#secret = digest(password);
    this.#patterns = new Map(
      Object.entries(permissions).map(([host, { configure, write, read }]) => [
        host,
        { configure: pattern(configure), write: pattern(write), read: pattern(read) },
      ]),
    );
  }

  /** Takes the same time for any wrong password. */
  hasPassword(password: string): boolean {
    return timingSafeEqual(this.#secret, digest(password));
  }

  mayOpen(host: string): boolean {
    return this.#patterns.has(host);
  }

  may(right: Right, host: string, name: string): boolean {
    const question = `${right} ${host} ${name}`;
    const known = this.#answers.get(question);
    if (known !== undefined) return known;
    const answer = this.#patterns.get(host)?.[right].test(name) ?? false;
    if (this.#answers.size >= rememberedMax) this.#answers.clear();
    this.#answers.set(question, answer);
    return answer;
  }
}

export class Access {
  readonly #users: ReadonlyMap<string, User>;

  constructor(users: readonly UserSpec[] = [guest]) {
    this.#users = new Map(users.map((spec) => [spec.name, new User(spec)]));
  }

  /** The user of that name and password; null for anybody else. */
  authenticate(name: string, password: string): User | null {
    const user = this.#users.get(name);
    // An unknown name costs what a wrong password costs.
    const isRight = (user ?? nobody).hasPassword(password);
    return user !== undefined && isRight ? user : null;
  }
}

const nobody = new User({ name: "", password: "", permissions: {} });

/** RabbitMQ's patterns are found anywhere in the name; the empty one matches the empty name alone. */
function pattern(text: string): RegExp {
  return new RegExp(text === "" ? "^$" : text, "u");
}

function digest(password: string): Buffer {
  return createHash("sha256").update(password).digest();
}
