// How hosts are let in: each gets a user of the bus that may do what its workers need and nothing else, at
// the broker inside or at RabbitMQ through its management API, and the settings that hosts share.
import { readFileSync } from "node:fs";
import type { Admission, Admitted } from "@micronova/operations";
import { workerRights } from "@micronova/rpc";
import type { Store } from "@micronova/store";
import { addressOf, isLoopback } from "./address.ts";
import { certificateFor, shareAuthority } from "./authority.ts";
import type { BrokerInside } from "./bus.ts";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { errors } from "./errors.ts";

type Rights = ReturnType<typeof workerRights>;

/** Users of a broker. */
interface BusUsers {
  put(name: string, password: string, rights: Rights): Promise<void>;
  /** Nobody of that name is no error. */
  remove(name: string): Promise<void>;
  /** Where a host reaches the bus as that user. */
  urls(name: string, password: string): readonly string[];
  /** The authority of its certificates, in PEM form. */
  readonly ca: string | null;
}

export interface AdmissionDeps {
  readonly config: CloudConfig;
  readonly dir: Pick<DataDir, "file">;
  readonly store: Store;
  /** Null when the brokers are elsewhere. */
  readonly inside: BrokerInside | null;
}

/** Null when there is no bus for others, or none whose users can be made. */
export function admissionOf({ config, dir, store, inside }: AdmissionDeps): Admission | null {
  const users = inside === null ? usersElsewhere(config) : usersInside(config, inside);
  if (users === null) return null;
  return {
    admit: ({ user, password, host, roles }) => users.put(user, password, workerRights(host, roles)),
    async withdraw(names) {
      for (const name of names) await users.remove(name);
    },
    async settings(admitted) {
      const settings = settingsOf(config, users, admitted);
      await shareAuthority(store, dir.file("tls"));
      return { ...settings, certificate: await certificateFor(dir.file("tls"), admitted.host) };
    },
  };
}

function settingsOf(config: CloudConfig, users: BusUsers, { user, password }: Admitted) {
  const { region, public_url, bus, tls } = config;
  const { queue_type, heartbeat_seconds, prefetch } = bus;
  const ofBus = { urls: users.urls(user, password), queue_type, heartbeat_seconds, prefetch };
  return {
    config: { region, ...(public_url === undefined ? {} : { public_url }), bus: ofBus },
    files: {
      ...(users.ca === null ? {} : { "bus.ca": users.ca }),
      ...(tls === undefined ? {} : { "image.ca": readFileSync(tls.cert, "utf8") }),
    },
  };
}

function usersInside(config: CloudConfig, { broker, door }: BrokerInside): BusUsers | null {
  const { listen } = config.bus;
  if (door === null || listen === undefined) return null;
  const { host: wanted } = addressOf("bus.listen", listen);
  const isTls = config.tls !== undefined && !isLoopback(wanted);
  const vhost = "/";
  return {
    async put(name, password, rights) {
      broker.access.putUser({ name, password });
      broker.access.setPermission(name, vhost, rights);
    },
    async remove(name) {
      if (broker.access.findUser(name) !== null) broker.access.deleteUser(name);
    },
    urls(name, password) {
      const url = new URL(`${isTls ? "amqps" : "amqp"}://${reachable(config, wanted)}:${door.port}`);
      return [as(url, name, password)];
    },
    ca: isTls && config.tls !== undefined ? readFileSync(config.tls.cert, "utf8") : null,
  };
}

/** The host's part of an address that others reach it by. */
function reachable({ public_url }: CloudConfig, host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host.includes(":") ? `[${host}]` : host;
  if (public_url === undefined) throw errors.noPublicUrl();
  return new URL(public_url).hostname;
}

function usersElsewhere({ bus }: CloudConfig): BusUsers | null {
  const { management_url: management, urls, ca } = bus;
  if (management === undefined) return null;
  const [first] = urls;
  // As RabbitMQ reads its URLs: a path that is not there means the virtual host `/`.
  const path = first === undefined ? "" : new URL(first).pathname.slice(1);
  const vhost = path === "" ? "%2F" : path;
  const ask = managementAt(management);
  return {
    async put(name, password, rights) {
      await ask("PUT", `/users/${encodeURIComponent(name)}`, { password, tags: "" });
      await ask("PUT", `/permissions/${vhost}/${encodeURIComponent(name)}`, rights);
    },
    remove: (name) => ask("DELETE", `/users/${encodeURIComponent(name)}`),
    urls: (name, password) => urls.map((url) => as(new URL(url), name, password)),
    ca: ca === undefined ? null : readFileSync(ca, "utf8"),
  };
}

const managementTimeoutMs = 10_000;

/** One request to a management API; what is not there already is as good as removed. */
function managementAt(text: string) {
  const url = new URL(text);
  const [user, password] = [url.username, url.password].map(decodeURIComponent);
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const base = `${url.origin}${url.pathname.replace(/\/$/, "")}/api`;
  return async (method: "PUT" | "DELETE", path: string, body?: object): Promise<void> => {
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: { authorization, "content-type": "application/json" },
      signal: AbortSignal.timeout(managementTimeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      // Node's fetch hides why in the cause.
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      throw errors.managementRefused(url.origin, cause instanceof Error ? cause.message : String(cause));
    });
    await answer.arrayBuffer();
    if (answer.ok || (method === "DELETE" && answer.status === 404)) return;
    throw errors.managementRefused(url.origin, `${answer.status} ${answer.statusText}`);
  };
}

function as(url: URL, name: string, password: string): string {
  url.username = name;
  url.password = password;
  return url.href;
}
