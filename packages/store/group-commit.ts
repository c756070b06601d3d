// Transactions one after another on one connection, committed in groups: whoever arrives while a group is
// forming or running joins it, each in a savepoint of its own, and one commit (one sync to disk) makes all of
// them durable. Nobody hears of success or failure before that commit, since each saw what those before it
// wrote.
import assert, { AssertionError } from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { Platform } from "@micronova/kit";
import type { Tx } from "./index.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";
import { sqliteQueries } from "./sqlite-dialect.ts";
import { setContext } from "./tx-context.ts";

interface Job {
  /** Whose time and chance the work has. */
  readonly platform: Platform;
  readonly work: (tx: Tx) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a job; told to its caller once the group is committed. */
type Result = { readonly job: Job; readonly hooks: readonly (() => void)[] } & (
  | { readonly value: unknown }
  | { readonly error: unknown }
);

export interface GroupCommitOptions {
  /**
   * Whether a group waits for the current turn of the event loop to end, so that requests which arrived
   * together commit together. Pays off when a commit syncs; in memory there is nothing to share.
   */
  readonly gathers: boolean;
}

// A group is one turn of the event loop; this bounds how long that turn can be.
const groupMax = 500;

const awaitedOther =
  "a transaction awaited something other than its own queries; do that before the transaction or after it";

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
    for (const result of results) this.#tell(result);
  }

  /** Runs one job in a savepoint. Throws only when the whole group is lost. */
  async #runJob(job: Job): Promise<Result> {
    const hooks: (() => void)[] = [];
    const ending = { ended: false };
    const tx = this.#makeTx(job.platform, hooks, ending);
    this.#connection.control("SAVEPOINT work");
    try {
      const value = await withinThisTick(job.work(tx));
      return { job, hooks, value };
    } catch (error) {
      if (!this.#connection.isInTransaction) throw error;
      this.#connection.control("ROLLBACK TO work");
      return { job, hooks: [], error };
    } finally {
      ending.ended = true;
      if (this.#connection.isInTransaction) this.#connection.control("RELEASE work");
    }
  }

  #makeTx({ clock, random }: Platform, hooks: (() => void)[], ending: { readonly ended: boolean }): Tx {
    const check = () => assert(!ending.ended, "a transaction was used after it had ended");
    const tx = sqliteQueries(this.#connection, check);
    const now = clock.now();
    setContext(tx, {
      now: () => now,
      newId: () => random.uuid(),
      afterCommit(then) {
        check();
        hooks.push(then);
      },
    });
    return tx;
  }

  #tell(result: Result): void {
    if ("error" in result) {
      result.job.reject(result.error);
      return;
    }
    for (const hook of result.hooks) {
      try {
        hook();
      } catch (error) {
        // The transaction stands whatever a hint to others does.
        this.#platform.log.error({ error }, "a hook after commit failed");
      }
    }
    result.job.resolve(result.value);
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
