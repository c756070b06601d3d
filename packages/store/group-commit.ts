// Transactions one after another on one connection, committed in groups: whoever arrives while a group is
// forming or running joins it, each in a savepoint of its own, and one commit (one sync to disk) makes all of
// them durable. Nobody hears of success or failure before that commit, since each saw what those before it
// wrote.
import assert, { AssertionError } from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { Platform } from "@micronova/kit";
import type { Tx } from "./index.ts";
import { awaitedOther, type Job, type Result, Run, tell } from "./job.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";
import { sqliteQueries } from "./sqlite-dialect.ts";

export interface GroupCommitOptions {
  /**
   * Whether a group waits for the current turn of the event loop to end, so that requests which arrived
   * together commit together. Pays off when a commit syncs; in memory there is nothing to share.
   */
  readonly gathers: boolean;
}

// A group is one turn of the event loop; this bounds how long that turn can be.
const groupMax = 500;

export class GroupCommit {
  readonly #platform: Platform;
  readonly #connection: SqliteConnection;
  readonly #options: GroupCommitOptions;
  #queue: Job[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(platform: Platform, connection: SqliteConnection, options: GroupCommitOptions) {
    this.#platform = platform;
    this.#connection = connection;
    this.#options = options;
  }

  transaction<T>(work: (tx: Tx) => Promise<T>, platform = this.#platform): Promise<T> {
    assert(!this.#isClosed, "the store is closed");
    return new Promise((resolve, reject) => {
      // The value is what `work` gave, so it is a T.
      this.#queue.push({ platform, work, resolve: (value) => resolve(value as T), reject });
      this.#running ??= this.#run();
    });
  }

  /** Takes no more transactions; resolves when those taken have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      if (this.#options.gathers) await new Promise<void>((resolve) => setImmediate(resolve));
      else await Promise.resolve();
      await this.#runGroup();
    }
    this.#running = null;
  }

  async #runGroup(): Promise<void> {
    const results: Result[] = [];
    const taken: Job[] = [];
    try {
      this.#connection.control("BEGIN IMMEDIATE");
      while (this.#queue.length > 0 && taken.length < groupMax) {
        const job = this.#queue.shift()!;
        taken.push(job);
        results.push(await this.#runJob(job));
      }
      this.#connection.control("COMMIT");
    } catch (error) {
      // Nothing of the group is durable, so all of it failed, those before the error included.
      if (this.#connection.isInTransaction) this.#connection.control("ROLLBACK");
      for (const job of taken.length === 0 ? this.#queue.splice(0) : taken) job.reject(error);
      return;
    }
    for (const result of results) tell(result, this.#platform.log);
  }

  /** Runs one job in a savepoint. Throws only when the whole group is lost. */
  async #runJob(job: Job): Promise<Result> {
    const run = new Run();
    const tx = run.begin(
      sqliteQueries(this.#connection, () => run.check()),
      job.platform,
    );
    this.#connection.control("SAVEPOINT work");
    try {
      const value = await withinThisTick(job.work(tx));
      return { job, hooks: run.hooks, value };
    } catch (error) {
      if (!this.#connection.isInTransaction) throw error;
      this.#connection.control("ROLLBACK TO work");
      return { job, hooks: [], error };
    } finally {
      run.hasEnded = true;
      if (this.#connection.isInTransaction) this.#connection.control("RELEASE work");
    }
  }
}

/**
 * The work's value, if it ends before anything else happens. Queries end at once, so a work that awaits
 * nothing else ends while promises are being settled, and ticks come after those. One that does not would
 * hold up everybody's commit.
 */
function withinThisTick<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let hasEnded = false;
    const ending =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        hasEnded = true;
        settle(value);
      };
    work.then(ending(resolve), ending(reject));
    process.nextTick(() => {
      if (!hasEnded) reject(new AssertionError({ message: awaitedOther }));
    });
  });
}
