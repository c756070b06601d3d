// The broker: virtual hosts behind doors. Deliveries to handlers in process are made in turns of the
// microtask queue, so that a publisher never finds a consumer on its own stack.
import type { Platform } from "@micronova/kit";
import { Access, type UserSpec } from "./access/access.ts";
import type { User } from "./access/user.ts";
import type { Bus, Exchange } from "./bus.ts";
import { ReplyError } from "./codec/reply-codes.ts";
import type { Definitions, HostSpec } from "./definitions.ts";
import { amqpErrors } from "./errors.ts";
import { InProcessBus } from "./in-process-bus.ts";
import type { Pager } from "./queue/paged-line.ts";
import type { ResourceStatus } from "./resource-alarms.ts";
import type { Channel } from "./server/channel.ts";
import { AuthStats, ChurnStats, type TrafficStats } from "./statistics.ts";
import type { ConnectionStatus } from "./status/connection-status.ts";
import { type QueueStatus, queueStatus } from "./status/queue-status.ts";
import { VirtualHost } from "./virtual-host.ts";
import type { Journal } from "./virtual-host-deps.ts";
import { plainJson, type WireForm } from "./wire-form.ts";

export interface BrokerOptions {
  /**
   * Freezes messages deeply and refuses what is not plain JSON: for tests, which find who writes to a sent
   * message.
   */
  readonly freeze?: boolean;
  /** How the Bus' messages look to sockets, and the other way round. */
  readonly form?: WireForm;
  /** Who may connect through sockets. The guest of the same machine when nobody is named. */
  readonly users?: readonly UserSpec[];
  /** Names of virtual hosts beside `/`. */
  readonly virtualHosts?: readonly string[];
}

/** Somebody who came through a socket. */
export interface OpenConnection {
  /** Null until it has proved who it is. */
  readonly user: User | null;
  /** Null until it has chosen one. */
  readonly host: VirtualHost | null;
  readonly name: string;
  readonly peer: { readonly peer_host: string; readonly peer_port: number };
  readonly traffic: TrafficStats;
  /** Those that are open. */
  readonly channels: readonly Channel[];
  status(): ConnectionStatus;
  alarmBegan(): void;
  /** Whoever was held because of an alarm goes on. */
  alarmEnded(): void;
  /** Closes it in order, with a reason. */
  close(reason: ReplyError): void;
}

const defaultHost = "/";

export class Broker {
  readonly platform: Platform;
  readonly form: WireForm;
  readonly isFreezing: boolean;
  readonly access: Access;
  readonly hosts = new Map<string, VirtualHost>();
  /** Those of all doors for sockets. */
  readonly connections = new Set<OpenConnection>();
  readonly churn = new ChurnStats();
  /** Of all doors for AMQP. */
  readonly auth = new AuthStats();
  /** Of all doors for HTTP. */
  readonly httpAuth = new AuthStats();
  /** Null while nothing outlives the broker. */
  journal: Journal | null = null;
  #definitions: Definitions | null = null;
  readonly #closing = new AbortController();
  #pager: Pager | null = null;
  readonly #alarms = new Map<string, "memory" | "disk">();
  /** A field, since every publish looks at it. */
  isAlarmed = false;
  /** How much memory and disk there is, as last seen; null when nobody looks. */
  resources: ResourceStatus | null = null;

  constructor(platform: Platform, options: BrokerOptions = {}) {
    this.platform = platform;
    this.form = options.form ?? plainJson;
    this.isFreezing = options.freeze ?? false;
    for (const name of [defaultHost, ...(options.virtualHosts ?? [])]) this.addHost(name);
    const { random } = platform;
    this.access = new Access(
      {
        random,
        hasHost: (name) => this.hosts.has(name),
        rightsChanged: (name) => this.hosts.get(name)?.forgetRoutes(),
        userDeleted: (user) =>
          this.#closeConnections((one) => one.user === user, `user '${user.name}' is deleted`),
      },
      options.users,
    );
  }

  /** The in-process door: no codec, no copy. */
  bus(): Bus {
    return new InProcessBus(this, this.host);
  }

  /** A name nobody else has, as RabbitMQ's look. */
  newName(): string {
    return Buffer.from(this.platform.random.bytes(16)).toString("base64url");
  }

  /** The virtual host that the in-process door leads to. */
  get host(): VirtualHost {
    // Made by the constructor.
    return this.hosts.get(defaultHost) as VirtualHost;
  }

  /** Makes a virtual host, or gives the one there is another description and tags. */
  addHost(name: string, about: Partial<Omit<HostSpec, "name">> = {}): VirtualHost {
    const known = this.hosts.get(name);
    const spec: HostSpec = { description: "", tags: [], ...known?.spec, ...about, name };
    this.#definitions?.putHost(spec);
    if (known !== undefined) {
      known.spec = spec;
      return known;
    }
    const host = new VirtualHost(spec, {
      platform: this.platform,
      form: this.form,
      closing: this.#closing.signal,
      pager: () => this.#pager,
      churn: this.churn,
    });
    this.hosts.set(name, host);
    if (this.#definitions !== null && this.journal !== null) host.persist(this.#definitions, this.journal);
    return host;
  }

  /** Closes its connections and deletes all that is in it. */
  deleteHost(name: string): void {
    const host = this.hosts.get(name);
    if (host === undefined) throw amqpErrors.hostNotFound(name);
    if (name === defaultHost) throw amqpErrors.hostIsNeeded(name);
    this.#definitions?.dropHost(name);
    this.hosts.delete(name);
    this.access.forgetHost(name);
    this.#closeConnections((one) => one.host === host, `vhost '${name}' is deleted`);
    host.close();
  }

  #closeConnections(isMeant: (one: OpenConnection) => boolean, why: string): void {
    const reason = new ReplyError("CONNECTION_FORCED", why);
    for (const one of [...this.connections].filter(isMeant)) one.close(reason);
  }

  /** Ends its waiting for what is due: nothing of it keeps the process alive any more. */
  close(): void {
    this.#closing.abort();
  }

  /** From now on long queues wait on disk. */
  setPager(pager: Pager): void {
    this.#pager = pager;
  }

  /** From now on what is durable is written down. */
  keepIn(definitions: Definitions, journal: Journal): void {
    this.#definitions = definitions;
    this.journal = journal;
    // Hosts last: that there are any says that the users are all there.
    this.access.keepIn(definitions);
    for (const host of this.hosts.values()) {
      definitions.putHost(host.spec);
      host.persist(definitions, journal);
    }
  }

  /** Raises an alarm because of what there is too little of, or ends it: meanwhile publishers are held. */
  alarm(name: string, lack: "memory" | "disk" | null): void {
    if (lack === null) this.#alarms.delete(name);
    else this.#alarms.set(name, lack);
    const isAlarmed = this.#alarms.size > 0;
    if (isAlarmed === this.isAlarmed) return;
    this.isAlarmed = isAlarmed;
    for (const one of this.connections)
      if (isAlarmed) one.alarmBegan();
      else one.alarmEnded();
  }

  /** What there is too little of, by who found that. */
  get alarms(): ReadonlyMap<string, "memory" | "disk"> {
    return this.#alarms;
  }

  /** Why publishers are held, as RabbitMQ says it. */
  get alarmReason(): string {
    return `low on ${[...new Set(this.#alarms.values())].sort().join(" & ")}`;
  }

  /** Drops the messages that wait in a queue; says how many. */
  purge(name: string): number {
    return this.host.queue(name).purge();
  }

  queues(host = this.host): readonly QueueStatus[] {
    return host.queues
      .map((queue) => queueStatus(host.name, queue))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** The exchanges that somebody declared. */
  exchanges(): readonly Exchange[] {
    return this.host.exchanges
      .filter(({ name }) => !name.startsWith("amq."))
      .map(({ spec: { name, kind, durable, autoDelete } }) => ({ name, kind, durable, autoDelete }));
  }
}
