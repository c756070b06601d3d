// The broker: virtual hosts behind doors. Deliveries to handlers in process are made in turns of the
// microtask queue, so that a publisher never finds a consumer on its own stack.
import type { Platform } from "@micronova/kit";
import { Access, type UserSpec } from "./access.ts";
import type { Bus, Exchange } from "./bus.ts";
import type { Definitions } from "./definitions.ts";
import { InProcessBus } from "./in-process-bus.ts";
import type { Pager } from "./queue/paged-line.ts";
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

/** A queue as `rabbitmqctl list_queues` and `micronova bus queues` show it. */
export interface QueueStatus {
  readonly name: string;
  readonly durable: boolean;
  readonly messages_ready: number;
  readonly messages_unacknowledged: number;
  readonly consumers: number;
}

const defaultHost = "/";

export class Broker {
  readonly platform: Platform;
  readonly form: WireForm;
  readonly isFreezing: boolean;
  readonly access: Access;
  readonly hosts = new Map<string, VirtualHost>();
  /** Null while nothing outlives the broker. */
  journal: Journal | null = null;
  #definitions: Definitions | null = null;
  readonly #closing = new AbortController();
  #pager: Pager | null = null;
  readonly #alarms = new Map<string, string>();

  constructor(platform: Platform, options: BrokerOptions = {}) {
    this.platform = platform;
    this.form = options.form ?? plainJson;
    this.isFreezing = options.freeze ?? false;
    this.access = new Access(options.users);
    for (const name of [defaultHost, ...(options.virtualHosts ?? [])]) this.addHost(name);
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

  addHost(name: string): VirtualHost {
    const known = this.hosts.get(name);
    if (known !== undefined) return known;
    const host = new VirtualHost(name, {
      platform: this.platform,
      form: this.form,
      closing: this.#closing.signal,
      pager: () => this.#pager,
    });
    this.hosts.set(name, host);
    if (this.#definitions !== null && this.journal !== null) host.persist(this.#definitions, this.journal);
    return host;
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
    for (const host of this.hosts.values()) host.persist(definitions, journal);
  }

  /** Raises an alarm with its reason, or ends it: while there is one, publishers are held. */
  alarm(name: string, reason: string | null): void {
    if (reason === null) this.#alarms.delete(name);
    else this.#alarms.set(name, reason);
  }

  /** Why publishers are held; null when they are not. */
  get alarmReason(): string | null {
    if (this.#alarms.size === 0) return null;
    return `low on ${[...this.#alarms.values()].join(" & ")}`;
  }

  /** Drops the messages that wait in a queue; says how many. */
  purge(name: string): number {
    return this.host.queue(name).purge();
  }

  queues(): readonly QueueStatus[] {
    return this.host.queues
      .map((queue) => ({
        name: queue.name,
        durable: queue.spec.durable,
        messages_ready: queue.readyCount,
        messages_unacknowledged: queue.unacknowledgedCount,
        consumers: queue.consumerCount,
      }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** The exchanges that somebody declared. */
  exchanges(): readonly Exchange[] {
    return this.host.exchanges
      .filter(({ name }) => !name.startsWith("amq."))
      .map(({ spec: { name, kind, durable, autoDelete } }) => ({ name, kind, durable, autoDelete }));
  }
}
