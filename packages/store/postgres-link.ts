// The way to a PostgreSQL server: connections, what their errors mean, and patience while it is away.
import assert from "node:assert/strict";
import type { Millis, Platform } from "@micronova/kit";
import { Pool, type PoolClient, type QueryConfig, type QueryResult } from "pg";
import { sqlState, storeErrors } from "./errors.ts";
import { postgresTypes } from "./postgres-dialect.ts";

/** A failure of which it is certain that nothing came of it, and which may be gone the next time. */
export class Passing extends Error {}

/** Runs one query. What goes wrong is `Passing`, an error of the store's, or the statement's own. */
export type Ask = (query: QueryConfig | string) => Promise<QueryResult>;

export interface LinkOptions {
  readonly url: string;
  /** At most so many connections. */
  readonly connections: number;
  /** What each connection is told first. */
  readonly settings: readonly string[];
}

// Longer than any healthy server takes; what is silent for longer is taken for lost.
const connectWithinMs = 5_000;
const answerWithinMs = 60_000;
const keepAliveAfterMs = 5_000;
// A restart is noticed soon; nobody is knocked at more than once a second.
const pauseMinMs = 20;
const pauseMaxMs = 1_000;

export class PostgresLink {
  /** The database as errors name it: its URL without the secrets. */
  readonly place: string;
  readonly #platform: Platform;
  readonly #pool: Pool;
  #isClosed = false;

  constructor(platform: Platform, { url, connections, settings }: LinkOptions) {
    this.place = url.replace(/\/\/[^@/]*@/, "//").replace(/\?.*/, "");
    this.#platform = platform;
    this.#pool = new Pool({
      connectionString: url,
      max: connections,
      types: postgresTypes,
      application_name: "micronova",
      connectionTimeoutMillis: connectWithinMs,
      query_timeout: answerWithinMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveAfterMs,
      // An idle connection is no reason for a process to go on.
      allowExitOnIdle: true,
      onConnect: async (client) => {
        // A connection that breaks while nobody waits for it is found broken by its next query.
        client.on("error", () => undefined);
        await client.query(settings.map((setting) => `SET ${setting}`).join("; "));
      },
    });
    // As above; the pool has let go of it.
    this.#pool.on("error", () => undefined);
  }

  /** Does something on a connection, which is not used again when it failed in passing. */
  async using<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    assert(!this.#isClosed, "the store is closed");
    const client = await this.#pool.connect().catch((error) => this.#fail(error));
    let isWhole = true;
    try {
      return await work(this.#askingOn(client));
    } catch (error) {
      isWhole = !(error instanceof Passing);
      throw error;
    } finally {
      client.release(!isWhole);
    }
  }

  /** Tries again what fails in passing, more and more rarely, until it has failed for too long. */
  async patiently<T>(attempt: () => Promise<T>, patienceMs: Millis): Promise<T> {
    const { clock, log } = this.#platform;
    let failingSince: Millis | null = null;
    for (let pauseMs = pauseMinMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Passing)) throw error;
        failingSince ??= clock.monotonic();
        const failingMs = clock.monotonic() - failingSince;
        if (failingMs >= patienceMs) throw storeErrors.lost(this.place, error.message);
        log.warn(
          { database: this.place, why: error.message, failingMs },
          "the database failed; trying again",
        );
        await clock.sleep(pauseMs);
      }
    }
  }

  /** Waits for what is under way, and lets nothing new begin. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#pool.end();
  }

  #askingOn(client: PoolClient): Ask {
    return (query) => client.query(query).catch((error) => this.#fail(error));
  }

  #fail(error: unknown): never {
    if (!(error instanceof Error)) throw error;
    if (isPassing(error)) throw new Passing(error.message, { cause: error });
    const state = sqlState(error) ?? "";
    if (state === "53100") throw storeErrors.full(this.place);
    if (state === "XX001" || state === "XX002") throw storeErrors.damaged(this.place, error.message);
    if (isRefusal(state)) throw storeErrors.refused(this.place, error.message);
    throw error;
  }
}

// Serialization failures and deadlocks; too many connections; a standby that is not (yet) the primary.
const passingStates = new Set(["40001", "40P01", "53300", "25006"]);

function isPassing(error: Error): boolean {
  const state = sqlState(error);
  // What the server has not said is about the way to it, unless a value could not be sent or read.
  if (state === null) return !(error instanceof TypeError || error instanceof RangeError);
  if (passingStates.has(state) || state.startsWith("08")) return true;
  // A prepared statement whose table has changed meanwhile; a new connection prepares it anew.
  if (state === "0A000" && error.message.includes("cached plan")) return true;
  // The server ends the session: it stops, it starts, or the session was silent for too long.
  return "severity" in error && endings.has(error.severity) && !isRefusal(state);
}

const endings = new Set<unknown>(["FATAL", "PANIC"]);

/** No such user, not this password, no such database. */
const isRefusal = (state: string): boolean => state.startsWith("28") || state === "3D000";
