// Keeps record of requests, so that a request's id tells what became of it: all that change something, and
// reads that failed or were slow. Written in batches, since a trace that comes half a second late serves as
// well, and forgotten after a while.
import type { AnsweredRequest } from "@micronova/http";
import { type Millis, type Platform, type Service, sleepUnlessAborted } from "@micronova/kit";
import type { Store } from "@micronova/store";
import type { RequestTable } from "./tables.ts";

export interface RequestLog extends Service {
  add(request: AnsweredRequest): void;
}

const everyMs: Millis = 500;
// Of a burst beyond this the rest is not recorded, rather than held in memory.
const waitingMax = 20_000;
// As many rows as one statement may carry parameters for.
const rowsMax = 500;
// Long enough to look into yesterday's trouble.
const keptMs: Millis = 36 * 3_600_000;
const pruneEveryMs: Millis = 600_000;
const slowMs: Millis = 250;
const readMethods: ReadonlySet<string> = new Set(["GET", "HEAD"]);

export function requestLog(deps: { readonly platform: Platform; readonly store: Store }): RequestLog {
  return new Log(deps.platform, deps.store);
}

class Log implements RequestLog {
  readonly name = "request-log";
  readonly #platform: Platform;
  readonly #store: Store;
  readonly #ending = new AbortController();
  #waiting: AnsweredRequest[] = [];
  #prunedAt = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(platform: Platform, store: Store) {
    this.#platform = platform;
    this.#store = store;
  }

  add(request: AnsweredRequest): void {
    const isRead = readMethods.has(request.method);
    if (isRead && request.status < 500 && request.ms < slowMs) return;
    if (this.#waiting.length < waitingMax) this.#waiting.push(request);
    else this.#platform.metrics.count("micronova_requests_unrecorded_total");
  }

  async start(): Promise<void> {
    this.#running = this.#loop();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await sleepUnlessAborted(this.#platform.clock, everyMs, signal);
      try {
        await this.#write();
        await this.#prune();
      } catch (error) {
        // The store may be away; what waits is written once it is back.
        this.#platform.log.warn({ error }, "requests could not be recorded");
      }
    }
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, rowsMax);
      await this.#store.transaction((tx) =>
        tx
          .insertInto("requests")
          .values(batch.map(rowOf))
          .onConflict((conflict) => conflict.column("id").doNothing())
          .execute(),
      );
      this.#waiting = this.#waiting.slice(batch.length);
    }
  }

  async #prune(): Promise<void> {
    const now = this.#platform.clock.now();
    if (now - this.#prunedAt < pruneEveryMs) return;
    this.#prunedAt = now;
    await this.#store.transaction((tx) =>
      tx
        .deleteFrom("requests")
        .where("at", "<", now - keptMs)
        .execute(),
    );
  }
}

function rowOf({ requestId: id, method, path, status, at, ms, spans }: AnsweredRequest): RequestTable {
  return { id, method, path, status, at, ms: Math.round(ms * 1000) / 1000, spans: JSON.stringify(spans) };
}
