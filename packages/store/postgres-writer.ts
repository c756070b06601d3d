// Transactions one after another, as on SQLite, over all processes of the cloud: each group of them takes one
// lock of the database first. Whoever arrives while a group forms or runs joins it, each but the first in a
// savepoint of its own, and one commit makes all of them durable. Why:
// docs/decisions/0021-one-writer-on-postgresql.md.
import assert, { AssertionError } from "node:assert/strict";
import type { Millis, Platform } from "@micronova/kit";
import { storeErrors } from "./errors.ts";
import type { Tx } from "./index.ts";
import { awaitedOther, type Job, type Result, Run, tell } from "./job.ts";
import { asPgQuery, asQueryResult, inPostgres } from "./postgres-dialect.ts";
import { type Ask, Passing, type PostgresLink } from "./postgres-link.ts";

export interface WriterOptions {
  /** How long the server may be away before transactions fail. */
  readonly patienceMs: Millis;
}

// Other processes wait for the group to end; and PostgreSQL remembers 64 savepoints of a transaction cheaply.
const groupMax = 50;

// The first half of the lock's key is ours alone ("mcnv"); the second is the schema's, so that clouds in
// schemas of one database do not wait for each other. The transaction's number and the server's timeline tell
// later what became of it.
const begin = `BEGIN; SELECT pg_advisory_xact_lock(${0x6d636e76}, hashtext(current_schema()));
  SELECT pg_current_xact_id()::text AS xid, ${timelineSql()} AS timeline`;

/** What a transaction is found again by. */
interface Mark {
  readonly xid: string;
  readonly timeline: string;
}

export class PostgresWriter {
  readonly #platform: Platform;
  readonly #link: PostgresLink;
  readonly #patienceMs: Millis;
  #queue: Job[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(platform: Platform, link: PostgresLink, { patienceMs }: WriterOptions) {
    this.#platform = platform;
    this.#link = link;
    this.#patienceMs = patienceMs;
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
    while (this.#queue.length > 0) await this.#runGroup();
    this.#running = null;
  }

  async #runGroup(): Promise<void> {
    const taken: Job[] = [];
    const attempt = async () => {
      try {
        return await this.#link.using((ask) => new Group(ask, taken, this.#queue).run());
      } catch (error) {
        if (!(error instanceof Doubt)) throw error;
        await this.#settle(error);
        return error.results;
      }
    };
    try {
      const results = await this.#link.patiently(attempt, this.#patienceMs);
      for (const result of results) tell(result, this.#platform.log);
    } catch (error) {
      // Who waits behind a group that was given up would wait in vain as long again.
      for (const job of [...taken, ...this.#queue.splice(0)]) job.reject(error);
    }
  }

  /** Resolves when the transaction took place; `Passing` when it did not; an error of the store's otherwise. */
  async #settle({ mark: { xid, timeline }, message: why }: Doubt): Promise<void> {
    const text = `SELECT pg_xact_status('${xid}') AS status, ${timelineSql()} AS timeline`;
    const ask = async () => {
      const { rows } = await this.#link.using((ask) => ask(text));
      if (rows[0].status === "in progress") throw new Passing("a commit is under way");
      return rows[0];
    };
    const found = await this.#link.patiently(ask, this.#patienceMs).catch(() => null);
    // A standby that took over may have given the number to another transaction.
    if (found === null || found.timeline !== timeline) throw storeErrors.unsure(this.#link.place, why);
    if (found.status === "aborted") throw new Passing(why);
    if (found.status !== "committed") throw storeErrors.unsure(this.#link.place, why);
  }
}

/** The server's timeline, which another server that takes over does not share. */
function timelineSql(): string {
  return "left(pg_walfile_name(pg_current_wal_lsn()), 8)";
}

/** The commit was asked for, and nothing heard of it. */
class Doubt extends Passing {
  readonly mark: Mark;
  readonly results: readonly Result[];

  constructor(mark: Mark, results: readonly Result[], cause: Passing) {
    super(cause.message, { cause });
    this.mark = mark;
    this.results = results;
  }
}

/** One attempt at a group, on one connection. */
class Group {
  readonly #ask: Ask;
  readonly #taken: Job[];
  readonly #waiting: Job[];
  #mark: Mark | null = null;
  /** How many works the open transaction holds. */
  #kept = 0;
  #hasSavepoint = false;

  /** `taken` are those of an earlier attempt; more join them from `waiting`. */
  constructor(ask: Ask, taken: Job[], waiting: Job[]) {
    this.#ask = ask;
    this.#taken = taken;
    this.#waiting = waiting;
  }

  async run(): Promise<readonly Result[]> {
    const results: Result[] = [];
    for (let n = 0; n < groupMax; n++) {
      const job = this.#taken[n] ?? this.#waiting.shift();
      if (job === undefined) break;
      this.#taken[n] = job;
      results.push(await this.#runJob(job));
    }
    if (this.#mark !== null) await this.#commit(this.#mark, results);
    return results;
  }

  async #runJob(job: Job): Promise<Result> {
    await this.#open();
    const run = new Run();
    const asking = new Asking(this.#ask, run);
    try {
      const value = await asking.do(job);
      this.#kept++;
      return { job, hooks: run.hooks, value };
    } catch (error) {
      if (asking.passing !== null) throw asking.passing;
      await this.#takeBack();
      return { job, hooks: [], error };
    }
  }

  async #open(): Promise<void> {
    if (this.#mark === null) {
      // The library answers several statements with a list of results.
      const results = (await this.#ask(begin)) as unknown as readonly { readonly rows: Mark[] }[];
      this.#mark = results.at(-1)!.rows[0]!;
    } else {
      await this.#ask(this.#hasSavepoint ? "RELEASE work; SAVEPOINT work" : "SAVEPOINT work");
      this.#hasSavepoint = true;
    }
  }

  async #takeBack(): Promise<void> {
    if (this.#kept > 0) {
      await this.#ask("ROLLBACK TO work");
      return;
    }
    await this.#ask("ROLLBACK");
    this.#mark = null;
    this.#hasSavepoint = false;
  }

  async #commit(mark: Mark, results: readonly Result[]): Promise<void> {
    const { command } = await this.#ask("COMMIT").catch((error) => {
      throw error instanceof Passing ? new Doubt(mark, results, error) : error;
    });
    assert.equal(command, "COMMIT", "a transaction went on after one of its queries had failed");
  }
}

/** The queries of one work. Notices when it waits for something else, or goes on after a failed query. */
class Asking {
  /** Why all has to be done again. */
  passing: Passing | null = null;
  readonly #ask: Ask;
  readonly #run: Run;
  #underWay = 0;
  #hasFailed = false;
  #stop: (error: Error) => void = () => undefined;

  constructor(ask: Ask, run: Run) {
    this.#ask = ask;
    this.#run = run;
  }

  async do({ work, platform }: Job): Promise<unknown> {
    const tx = this.#run.begin(
      inPostgres((query) => this.#execute(query)),
      platform,
    );
    const ended = new Promise((resolve, reject) => {
      this.#stop = reject;
      work(tx).then(resolve, reject);
      this.#watch();
    });
    const value = await ended.finally(() => {
      this.#run.hasEnded = true;
    });
    assert(!this.#hasFailed, "a transaction went on after one of its queries had failed");
    return value;
  }

  async #execute(query: Parameters<typeof asPgQuery>[0]) {
    this.#run.check();
    this.#underWay++;
    try {
      return asQueryResult(await this.#ask(asPgQuery(query)));
    } catch (error) {
      this.#hasFailed = true;
      if (error instanceof Passing) this.passing ??= error;
      throw error;
    } finally {
      this.#underWay--;
      this.#watch();
    }
  }

  /**
   * A work that awaits nothing but its queries has asked the next one, or has ended, by the time that
   * promises are settled, and ticks come after those. One that does not would hold up everybody's commit.
   */
  #watch(): void {
    process.nextTick(() => {
      if (this.#underWay === 0 && !this.#run.hasEnded)
        this.#stop(new AssertionError({ message: awaitedOther }));
    });
  }
}
