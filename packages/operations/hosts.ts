// Hosts that join: a token, made by an administrator, lets one host in once. It then has a user of the bus
// that is its own, and the settings that all hosts share.
import { createHash } from "node:crypto";
import type { Millis, Platform, RequestContext } from "@micronova/kit";
import { audit } from "@micronova/saga";
import { newId, now, type Store, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";

/** The roles a host can have: those without a database. */
export const hostRoles = ["compute", "volume", "network"] as const;
export type HostRole = (typeof hostRoles)[number];

export interface Admitted {
  /** The name of a user of the bus. */
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly roles: readonly HostRole[];
}

/** What a host is given. */
export interface HostSettings {
  /** Its configuration, as JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Texts of files that settings name, by setting: `bus.ca`. */
  readonly files: Readonly<Record<string, string>>;
  /** By which other hosts know it, in PEM form. */
  readonly certificate: HostCertificate;
}

export interface HostCertificate {
  /** The authority's own. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** How a cloud lets hosts in. Each method may be called again. */
export interface Admission {
  /** Makes the host's user on the bus. */
  admit(admitted: Admitted): Promise<void>;
  /** Ends the users, with their connections; those that are gone are no error. */
  withdraw(users: readonly string[]): Promise<void>;
  settings(admitted: Admitted): Promise<HostSettings>;
}

export interface HostDeps {
  readonly platform: Platform;
  readonly store: Store;
  /** Null for a cloud that has no bus for others. */
  readonly admission: Admission | null;
}

const secretBytes = 24;
const passwordBytes = 24;
const minuteMs: Millis = 60_000;

export interface HostToken {
  readonly secret: string;
  readonly expiresAt: Millis;
}

export interface TokenWish {
  readonly host: string | null;
  readonly roles: readonly HostRole[];
  readonly minutes: number;
}

export async function makeHostToken(
  { platform, store, admission }: HostDeps,
  context: RequestContext,
  { host, roles, minutes }: TokenWish,
): Promise<HostToken> {
  if (admission === null) throw errors.noAdmission();
  const secret = Buffer.from(platform.random.bytes(secretBytes)).toString("base64url");
  const expiresAt = await store.transaction(async (tx) => {
    const expires_at = now(tx) + minutes * minuteMs;
    // Those that are over have no use.
    await tx.deleteFrom("host_tokens").where("expires_at", "<=", now(tx)).execute();
    const row = { host, roles: roles.join(","), created_at: now(tx), expires_at, used_at: null };
    await tx
      .insertInto("host_tokens")
      .values({ id: idOf(secret), ...row })
      .execute();
    const about = { kind: "host", id: host ?? "any" };
    await audit(tx, context, { action: "host-token", about, reason: "An administrator asked for it." });
    return expires_at;
  });
  return { secret, expiresAt };
}

export interface Joined extends HostSettings {
  readonly roles: readonly HostRole[];
}

/**
 * Lets a host in that comes with a token's secret. The token is used once that worked: of two that come with
 * it at once one is let in, and a host that was let down before that may come again.
 */
export async function joinHost(
  deps: HostDeps,
  context: RequestContext,
  { secret, host }: { readonly secret: string; readonly host: string },
): Promise<Joined> {
  const { platform, store, admission } = deps;
  const token = await goodToken(store.read, secret, host);
  if (admission === null) throw errors.noAdmission();
  // Just what the table was given.
  const roles = token.roles.split(",") as HostRole[];
  const user = `host-${host}-${newId(store.read).slice(0, 8)}`;
  const password = Buffer.from(platform.random.bytes(passwordBytes)).toString("base64url");
  const admitted: Admitted = { user, password, host, roles };
  const settings = await admission.settings(admitted);
  await admission.admit(admitted);
  try {
    const before = await store.transaction((tx) => noteJoined(tx, context, { token: token.id, admitted }));
    await admission.withdraw(before);
  } catch (error) {
    await admission.withdraw([user]);
    throw error;
  }
  return { roles, ...settings };
}

async function goodToken(tx: Tx, secret: string, host: string) {
  const token = await tx
    .selectFrom("host_tokens")
    .selectAll()
    .where("id", "=", idOf(secret))
    .where("used_at", "is", null)
    .where("expires_at", ">", now(tx))
    .executeTakeFirst();
  if (token === undefined || (token.host ?? host) !== host) throw errors.badHostToken();
  return token;
}

/** Uses the token up; the answer is the users the host had before. */
async function noteJoined(
  tx: Tx,
  context: RequestContext,
  { token, admitted }: { readonly token: string; readonly admitted: Admitted },
): Promise<readonly string[]> {
  const { host: name, roles, user } = admitted;
  const used = await tx
    .updateTable("host_tokens")
    .set({ used_at: now(tx) })
    .where("id", "=", token)
    .where("used_at", "is", null)
    .returning("id")
    .executeTakeFirst();
  if (used === undefined) throw errors.badHostToken();
  const before = await tx.deleteFrom("joined_hosts").where("name", "=", name).returning("bus_user").execute();
  const row = { name, roles: roles.join(","), joined_at: now(tx), bus_user: user };
  await tx.insertInto("joined_hosts").values(row).execute();
  const reason = "It came with a token that an administrator had made.";
  await audit(tx, context, { action: "host-join", about: { kind: "host", id: name }, reason });
  return before.map(({ bus_user }) => bus_user);
}

export interface JoinedHost {
  readonly name: string;
  readonly roles: readonly string[];
  readonly joinedAt: Millis;
}

export async function listHosts(tx: Tx): Promise<readonly JoinedHost[]> {
  const rows = await tx.selectFrom("joined_hosts").selectAll().orderBy("name").execute();
  return rows.map(({ name, roles, joined_at }) => ({
    name,
    roles: roles.split(","),
    joinedAt: joined_at,
  }));
}

/** Ends what it may do; what runs on it is not touched, and can tell the cloud nothing any more. */
export async function removeHost(deps: HostDeps, context: RequestContext, name: string): Promise<void> {
  const { store, admission } = deps;
  const host = await store.read
    .selectFrom("joined_hosts")
    .select("bus_user")
    .where("name", "=", name)
    .executeTakeFirst();
  if (host === undefined) throw errors.hostNotFound(name);
  if (admission === null) throw errors.noAdmission();
  // The user first: a row without it can be removed again, a user without a row by nobody.
  await admission.withdraw([host.bus_user]);
  await store.transaction(async (tx) => {
    await tx
      .deleteFrom("joined_hosts")
      .where("name", "=", name)
      .where("bus_user", "=", host.bus_user)
      .execute();
    const about = { kind: "host", id: name };
    await audit(tx, context, { action: "host-remove", about, reason: "An administrator asked for it." });
  });
}

function idOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
