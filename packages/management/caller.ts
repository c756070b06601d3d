// Who asks, and what that lets them see: RabbitMQ's tags of users. Who has none of them is shut out;
// `management` sees the virtual hosts that it may open, `policymaker` may also ask for policies, `monitoring`
// sees all connections and the nodes, `administrator` sees and changes everything.
import { createHash, timingSafeEqual } from "node:crypto";
import type { Broker, User } from "@micronova/amqp";
import type { Incoming } from "@micronova/http/plain";
import { managementErrors } from "./errors.ts";

export type Caller = Pick<User, "name" | "tags" | "mayOpen" | "may">;

/** Stands before the API and tells who asks. */
export interface Doorkeeper {
  /** Throws `managementErrors` for who may not come in. */
  admit(incoming: Incoming): Promise<Caller>;
  /** What a refused client is told to come with. */
  readonly challenge: string | null;
}

/** What a route asks of its caller; `host` is the right to use the virtual host of the path. */
export type Guard = "management" | "policymaker" | "monitoring" | "administrator" | "host";

type Tag = Exclude<Guard, "host">;

const implied: Readonly<Record<string, readonly Tag[]>> = {
  administrator: ["administrator", "monitoring", "policymaker", "management"],
  monitoring: ["monitoring", "management"],
  policymaker: ["policymaker", "management"],
  management: ["management"],
};
const refusals: Readonly<Record<Tag, string>> = {
  administrator: "Not administrator user",
  monitoring: "Not monitor user",
  policymaker: "User not authorised to access object",
  management: "Not management user",
};

export function hasTag({ tags }: Caller, tag: Tag): boolean {
  return tags.some((one) => implied[one]?.includes(tag) ?? false);
}

/** Throws unless the caller may use a route; `vhost` is the virtual host of its path, if it has one. */
export function assertAllowed(caller: Caller, guard: Guard, vhost: string | undefined): void {
  assertTag(caller, "management");
  if (guard !== "host") assertTag(caller, guard);
  else if (vhost !== undefined && !mayUse(caller, vhost))
    throw managementErrors.notAllowed("User not authorised to access virtual host");
}

/** Administrators see what is in every virtual host; what they do there their permissions decide. */
export function mayUse(caller: Caller, vhost: string): boolean {
  return hasTag(caller, "administrator") || caller.mayOpen(vhost);
}

/** Of what belongs to a user, others than monitors see their own alone. */
export function assertOwn(caller: Caller, owner: string | null, tag: Tag): void {
  if (!hasTag(caller, tag) && owner !== caller.name) throw managementErrors.notAllowed(refusals.policymaker);
}

function assertTag(caller: Caller, tag: Tag): void {
  if (!hasTag(caller, tag)) throw managementErrors.notAllowed(refusals[tag]);
}

const loopback = /^(?:::1|(?:::ffff:)?127\.)/;

/**
 * A key that lets in whoever may read where it is kept, as an administrator; who comes without it asks the
 * other doorkeeper.
 */
export function keyAuth(key: string, other: Doorkeeper): Doorkeeper {
  const wanted = createHash("sha256").update(key).digest();
  const holder: Caller = {
    name: "micronova",
    tags: ["administrator"],
    mayOpen: () => true,
    may: () => true,
  };
  return {
    challenge: other.challenge,
    async admit(incoming) {
      const given = /^Bearer (\S+)$/i.exec(incoming.headers.authorization ?? "")?.[1];
      if (given === undefined) return other.admit(incoming);
      if (!timingSafeEqual(wanted, createHash("sha256").update(given).digest()))
        throw managementErrors.loginFailed();
      return holder;
    },
  };
}

/** Names and passwords of the broker's users, by HTTP's basic authentication. */
export function basicAuth({ access }: Broker): Doorkeeper {
  return {
    challenge: 'Basic realm="Micronova Management"',
    async admit({ headers, remoteAddress }) {
      const given = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(headers.authorization ?? "")?.[1];
      if (given === undefined) throw managementErrors.loginFailed();
      const [, name = "", password = ""] =
        /^([^:]*):(.*)$/s.exec(Buffer.from(given, "base64").toString()) ?? [];
      const user = access.authenticate(name, password);
      if (user === null) throw managementErrors.loginFailed();
      if (user.isLocalOnly && !loopback.test(remoteAddress)) throw managementErrors.notLocal();
      return user;
    },
  };
}
