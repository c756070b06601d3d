// The node: this process and its machine, as far as RabbitMQ's answers tell of them.
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import type { Broker } from "@micronova/amqp";

/** A port that clients may come in by. */
export interface Listener {
  /** `amqp`, `http`. */
  readonly protocol: string;
  readonly ip_address: string;
  readonly port: number;
}

export interface NodeOptions {
  readonly broker: Broker;
  /** `micronova@host`. */
  readonly name: string;
  /** What is listened on by now. */
  readonly listeners: () => readonly Listener[];
  /** Where the broker keeps what is durable; null when nothing is. */
  readonly dataDir: string | null;
}

/** The version of Micronova itself, as its packages have it. */
export const productVersion = "0.1.0";

export class Node {
  readonly name: string;
  readonly dataDir: string | null;
  readonly #broker: Broker;
  readonly #listeners: () => readonly Listener[];

  constructor({ broker, name, listeners, dataDir }: NodeOptions) {
    this.name = name;
    this.dataDir = dataDir;
    this.#broker = broker;
    this.#listeners = listeners;
  }

  get listeners(): readonly (Listener & { readonly node: string })[] {
    return this.#listeners().map((one) => ({ node: this.name, ...one, socket_opts: {} }));
  }

  /** Alarms by the resource that is short, in RabbitMQ's words. */
  get alarms(): readonly { readonly resource: string; readonly node: string }[] {
    return [...this.#lacks()].map((resource) => ({ resource, node: this.name }));
  }

  facts() {
    const lacks = this.#lacks();
    const { resources } = this.#broker;
    const filesMax = openFilesMax();
    return {
      os_pid: String(process.pid),
      uptime: Math.round(process.uptime() * 1000),
      processors: availableParallelism(),
      mem_used: resources?.memoryBytes ?? process.memoryUsage.rss(),
      mem_limit: resources?.memoryBytesMax ?? (process.constrainedMemory() || totalmem()),
      mem_alarm: lacks.has("memory"),
      disk_free: resources?.diskFreeBytes ?? this.#diskFree(),
      disk_free_limit: resources?.diskFreeBytesMin ?? 0,
      disk_free_alarm: lacks.has("disk"),
      fd_used: openFiles(),
      fd_total: filesMax,
      sockets_used: this.#broker.connections.size,
      sockets_total: filesMax,
    };
  }

  /** What there is too little of, whoever found that. */
  #lacks(): ReadonlySet<string> {
    return new Set(this.#broker.alarms.values());
  }

  #diskFree(): number {
    if (this.dataDir === null) return 0;
    const { bavail, bsize } = statfsSync(this.dataDir);
    return bavail * bsize;
  }
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

function openFilesMax(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return Number(limit ?? 0);
}
