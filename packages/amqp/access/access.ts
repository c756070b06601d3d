// Who may connect and do what: users and their permissions in virtual hosts, as RabbitMQ has them. What is
// changed is written down first and true at once, for connections that are open as well.
import type { Random } from "@micronova/kit";
import { amqpErrors } from "../errors.ts";
import { hashPassword, newSalt, readPasswordHash } from "./passwords.ts";
import { type Permission, readPatterns, User, type UserRecord } from "./user.ts";

/** A user whom the broker is made with. */
export interface UserSpec {
  readonly name: string;
  readonly password: string;
  readonly tags?: readonly string[];
  /** By virtual host. */
  readonly permissions: Readonly<Record<string, Permission>>;
}

/** A user to put: with a password, or the hash of one; with neither, it cannot log in by password. */
export interface UserChange {
  readonly name: string;
  readonly tags?: readonly string[];
  readonly password?: string;
  readonly passwordHash?: string;
  readonly hashingAlgorithm?: string;
}

export interface PermissionRecord extends Permission {
  readonly user: string;
  readonly host: string;
}

/** Where users and permissions are written down. */
export interface AccessRecords {
  putUser(user: UserRecord): void;
  /** Its permissions go with it. */
  dropUser(name: string): void;
  putPermission(permission: PermissionRecord): void;
  dropPermission(user: string, host: string): void;
}

export interface AccessDeps {
  readonly random: Random;
  readonly hasHost: (name: string) => boolean;
  /** What somebody may do in a virtual host is no longer what it was. */
  readonly rightsChanged: (host: string) => void;
  readonly userDeleted: (user: User) => void;
}

const everything: Permission = { configure: ".*", write: ".*", read: ".*" };
const guest: UserSpec = {
  name: "guest",
  password: "guest",
  tags: ["administrator"],
  permissions: { "/": everything },
};

export class Access {
  readonly #deps: AccessDeps;
  readonly #given: readonly UserSpec[];
  readonly #users = new Map<string, User>();
  #records: AccessRecords | null = null;
  readonly #nobody: User;

  /** Without users of its own it begins with the guest of the same machine. */
  constructor(deps: AccessDeps, given: readonly UserSpec[] | null = null) {
    this.#deps = deps;
    this.#given = given ?? [];
    this.#nobody = new User({ name: "", tags: [], ...hashPassword("nobody", newSalt(deps.random)) });
    for (const spec of given ?? [guest]) this.#putSpec(spec);
  }

  /** The user of that name and password; null for anybody else. */
  authenticate(name: string, password: string): User | null {
    const user = this.#users.get(name);
    // An unknown name costs what a wrong password costs.
    const isRight = (user ?? this.#nobody).hasPassword(password);
    return user !== undefined && isRight ? user : null;
  }

  users(): readonly User[] {
    return [...this.#users.values()];
  }

  findUser(name: string): User | null {
    return this.#users.get(name) ?? null;
  }

  user(name: string): User {
    const user = this.#users.get(name);
    if (user === undefined) throw amqpErrors.userNotFound(name);
    return user;
  }

  /** Makes a user, or changes what it proves itself with and its tags; permissions stay. */
  putUser({ name, tags = [], password, passwordHash = "", hashingAlgorithm }: UserChange): User {
    if (name === "") throw amqpErrors.badUser(name, "a user has a name");
    const secret =
      password === undefined
        ? readPasswordHash(name, passwordHash, hashingAlgorithm)
        : hashPassword(password, newSalt(this.#deps.random));
    return this.#put({ name, tags, ...secret });
  }

  /** Its connections are closed. */
  deleteUser(name: string): void {
    const user = this.user(name);
    this.#records?.dropUser(name);
    this.#users.delete(name);
    const hosts = [...user.permissions.keys()];
    user.revokeAll();
    for (const host of hosts) this.#deps.rightsChanged(host);
    this.#deps.userDeleted(user);
  }

  permissions(): readonly PermissionRecord[] {
    return this.users().flatMap(({ name, permissions }) =>
      [...permissions].map(([host, permission]) => ({ user: name, host, ...permission })),
    );
  }

  setPermission(name: string, host: string, { configure, write, read }: Permission): void {
    const user = this.user(name);
    if (!this.#deps.hasHost(host)) throw amqpErrors.hostNotFound(host);
    const permission = { configure, write, read };
    const patterns = readPatterns(permission);
    this.#records?.putPermission({ user: name, host, ...permission });
    user.grant(host, permission, patterns);
    this.#deps.rightsChanged(host);
  }

  clearPermission(name: string, host: string): void {
    const user = this.user(name);
    if (!user.mayOpen(host)) throw amqpErrors.permissionNotFound(name, host);
    this.#records?.dropPermission(name, host);
    user.revoke(host);
    this.#deps.rightsChanged(host);
  }

  /** A virtual host is gone, and what was allowed in it. */
  forgetHost(host: string): void {
    for (const user of this.#users.values()) user.revoke(host);
  }

  /** Begins with what was written down instead; the users it was made with are put over it. */
  restore(users: readonly UserRecord[], permissions: readonly PermissionRecord[]): void {
    this.#users.clear();
    for (const user of users) this.#put(user);
    for (const { user, host, ...permission } of permissions) this.setPermission(user, host, permission);
    for (const spec of this.#given) this.#putSpec(spec);
  }

  /** From now on changes are written down; what there is, is at once. */
  keepIn(records: AccessRecords): void {
    this.#records = records;
    for (const { record } of this.users()) records.putUser(record);
    for (const permission of this.permissions()) records.putPermission(permission);
  }

  #putSpec({ name, password, tags = [], permissions }: UserSpec): void {
    this.putUser({ name, password, tags });
    for (const [host, permission] of Object.entries(permissions)) this.setPermission(name, host, permission);
  }

  #put(record: UserRecord): User {
    this.#records?.putUser(record);
    const known = this.#users.get(record.name);
    if (known !== undefined) {
      known.change(record);
      return known;
    }
    const user = new User(record);
    this.#users.set(record.name, user);
    return user;
  }
}
