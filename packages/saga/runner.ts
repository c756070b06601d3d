// Runs sagas as one conductor among many. It learns of work by message, by its own scan, and by what it ends
// itself; it holds what it runs by lease, and lets go of all of it when it stops.
import type { Millis, Service, Uuid } from "@micronova/kit";
import { now, prepared, type Store } from "@micronova/store";
import { givenOf, type Position } from "./batch.ts";
import { type RunnableSaga, runnable } from "./builder.ts";
import { sagaCancelled, sagaContract } from "./contract.ts";
import { DebtPayer } from "./debts.ts";
import { tellEnding } from "./endings.ts";
import { type Ending, Execution, type ExecutionDeps } from "./execution.ts";
import type { SagaRunnerDeps, Subject } from "./index.ts";
import { leaseMsMax, promote, readEvents, releaseAll, subjectOf } from "./journal.ts";
import { progressOf } from "./next-move.ts";
import { activeStates } from "./states.ts";
import type { SagaTable } from "./tables.ts";

// A dead conductor's sagas wait this long for another; a renewal every second leaves room for nine to be
// lost.
const leaseMs = 10_000;
const beatMs = 1_000;
const beatsPerScan = 5;
// Sagas mostly wait for hosts; what bounds them is memory, a few kilobytes each.
const concurrencyMaxDefault = 500;
// How many one scan takes note of; the next one comes in seconds.
const scanMax = 1_000;
// Hints beyond this are dropped, and found by a scan.
const readyMax = 10_000;

/** Runs sagas: claims them by lease, wakes on the queue `conductor_saga`, and scans every few seconds. */
export function sagaRunner(deps: SagaRunnerDeps): Service {
  return new SagaRunner(deps);
}

class SagaRunner implements Service {
  readonly name = "conductor";
  readonly #deps: SagaRunnerDeps;
  readonly #execution: ExecutionDeps;
  readonly #sagas: ReadonlyMap<string, RunnableSaga>;
  readonly #ready = new Set<Uuid>();
  readonly #active = new Map<Uuid, { execution: Execution | null; readonly done: Promise<void> }>();
  readonly #stopping = new AbortController();
  readonly #listeners: readonly Service[];
  readonly #debts: DebtPayer;
  #beating: Promise<void> = Promise.resolve();

  constructor(deps: SagaRunnerDeps) {
    this.#deps = deps;
    const { platform, store, rpc, owner } = deps;
    this.#sagas = new Map(deps.sagas.map((saga) => [saga.name, runnable(saga)]));
    this.#debts = new DebtPayer({ platform, store, rpc }, this.#sagas, this.#stopping.signal);
    const payFor = (subject: Subject) => this.#debts.payFor(subject);
    const { watcher = null, boundary = null, isTraced = true } = deps;
    this.#execution = { platform, store, rpc, owner, leaseMs, payFor, watcher, boundary, isTraced };
    this.#listeners = [
      rpc.serve(sagaContract, null, { wake: async ({ sagaId }) => this.#wake(sagaId) }),
      rpc.listen(sagaCancelled, ({ sagaId }) => this.#active.get(sagaId)?.execution?.cancel()),
    ];
  }

  async start(): Promise<void> {
    for (const listener of this.#listeners) await listener.start();
    // What this owner held before a restart, and what nobody was told of, comes first.
    await this.#scan("everything of mine or nobody's");
    this.#beating = this.#beat();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#ready.clear();
    for (const listener of this.#listeners.toReversed()) await listener.stop();
    for (const { execution } of this.#active.values()) execution?.leave();
    await Promise.all([this.#beating, ...[...this.#active.values()].map(({ done }) => done)]);
    await this.#deps.store.transaction((tx) => releaseAll(tx, this.#deps.owner));
  }

  #wake(id: Uuid): void {
    if (this.#stopping.signal.aborted || this.#active.has(id) || this.#ready.size >= readyMax) return;
    this.#ready.add(id);
    this.#fill();
  }

  #fill(): void {
    const max = this.#deps.concurrencyMax ?? concurrencyMaxDefault;
    for (const id of this.#ready) {
      if (this.#active.size >= max) return;
      this.#ready.delete(id);
      // `#run` begins with an await, so the entry is there before it looks for it.
      this.#active.set(id, { execution: null, done: this.#run(id) });
    }
  }

  /** Runs one saga as far as it goes. Never rejects. */
  async #run(id: Uuid): Promise<void> {
    let ending: Ending = { kind: "left" };
    try {
      const execution = await this.#find(id);
      if (execution !== null) {
        this.#active.get(id)!.execution = execution;
        ending = await execution.run();
      }
    } catch (error) {
      // The store failed, or this file is wrong. The lease runs out, and the saga is found again.
      this.#deps.platform.log.error({ error, sagaId: id }, "running a saga failed; it is tried again");
    }
    const execution = this.#active.get(id)?.execution ?? null;
    this.#active.delete(id);
    if (execution !== null) this.#after(execution, ending);
    this.#fill();
  }

  /** The saga as the tables have it; null when it is not for this runner to run. */
  async #find(id: Uuid): Promise<Execution | null> {
    const { read } = this.#deps.store;
    const [row] = await sagaRow(read, { id });
    if (row === undefined || this.#stopping.signal.aborted || !this.#mayRun(row)) return null;
    const saga = this.#sagas.get(row.name);
    if (saga === undefined) return null;
    // Whoever writes events raises the generation first.
    const log = row.generation === 0 ? [] : await readEvents(read, id);
    const { state, trouble, generation } = row;
    const given = givenOf(row, saga);
    const position: Position = {
      generation,
      isClaimed: false,
      state,
      trouble: trouble === null ? null : JSON.parse(trouble),
      progress: progressOf(given.saga, log),
      eventsWritten: log.length,
    };
    return new Execution(this.#execution, given, position);
  }

  #mayRun({ state, owner, lease_until }: SagaTable): boolean {
    if (!activeStates.includes(state)) return false;
    const leftMs = lease_until - this.#deps.platform.clock.now();
    return owner === null || owner === this.#deps.owner || leftMs <= 0 || leftMs > leaseMsMax;
  }

  #after({ given }: Execution, ending: Ending): void {
    const { platform, store } = this.#deps;
    const { id, saga } = given;
    if (ending.kind === "ended") {
      platform.metrics.count("micronova_sagas_total", { saga: saga.name, state: ending.state });
      tellEnding(store, id);
      if (ending.next !== null) this.#wake(ending.next);
    }
    if (ending.kind === "paused") {
      if (ending.isStuck) tellEnding(store, id);
      void this.#wakeAfter(ending.pauseMs, id);
    }
  }

  async #wakeAfter(ms: Millis, id: Uuid): Promise<void> {
    if (await this.#sleep(ms)) this.#wake(id);
  }

  /** Once a second: deadlines, leases, cancels; every few seconds: what nobody told of. */
  async #beat(): Promise<void> {
    for (let beat = 1; await this.#sleep(beatMs); beat++) {
      try {
        for (const { execution } of this.#active.values()) execution?.checkDeadline();
        await this.#renew();
        if (beat % beatsPerScan === 0) {
          await this.#scan("what is due");
          await this.#debts.payDue();
        }
      } catch (error) {
        this.#deps.platform.log.error(
          { error },
          "renewing leases and looking for sagas failed; it is tried again",
        );
      }
    }
  }

  /** False when the runner stops first. */
  async #sleep(ms: Millis): Promise<boolean> {
    const { signal } = this.#stopping;
    try {
      await this.#deps.platform.clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return !signal.aborted;
  }

  /** Renews all leases at once; lets go of sagas that were taken, and of steps whose saga was cancelled. */
  async #renew(): Promise<void> {
    const { store, owner } = this.#deps;
    const held = [...this.#active.values()].flatMap(({ execution }) =>
      execution === null || execution.generation === null ? [] : [execution],
    );
    if (held.length === 0) return;
    const rows = await store.transaction((tx) =>
      tx
        .updateTable("sagas")
        .set({ lease_until: now(tx) + leaseMs })
        .where("owner", "=", owner)
        .where("state", "in", activeStates)
        .returning(["id", "generation", "cancel"])
        .execute(),
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const execution of held) {
      const row = byId.get(execution.given.id);
      // Ended or paused meanwhile, or in another's hands: its next write finds out which.
      if (row === undefined) continue;
      if (row.generation !== execution.generation) execution.leave();
      else if (row.cancel !== 0) execution.cancel();
    }
  }

  async #scan(what: "what is due" | "everything of mine or nobody's"): Promise<void> {
    const { store, owner } = this.#deps;
    const due = store.read
      .selectFrom("sagas")
      .select("id")
      .where("state", "in", activeStates)
      .where("name", "in", [...this.#sagas.keys()])
      .orderBy("lease_until")
      .limit(scanMax);
    const rows = await due
      .where((is) =>
        is.or([
          is("lease_until", "<=", now(store.read)),
          is("lease_until", ">", now(store.read) + leaseMsMax),
          ...(what === "what is due" ? [] : [is("owner", "is", null), is("owner", "=", owner)]),
        ]),
      )
      .execute();
    for (const { id } of rows) this.#wake(id);
    await this.#promoteForgotten();
  }

  /** A saga that began to wait in the very moment its predecessor ended was seen by neither. */
  async #promoteForgotten(): Promise<void> {
    const { store } = this.#deps;
    const forgotten = await forgottenSubjects(store);
    for (const subject of forgotten) {
      const next = await store.transaction((tx) => promote(tx, subject));
      if (next !== null) this.#wake(next);
    }
  }
}

const sagaRow = prepared((tx, { id }: { readonly id: Uuid }) =>
  tx.selectFrom("sagas").selectAll().where("id", "=", id),
);

async function forgottenSubjects({ read }: Store) {
  const rows = await read
    .selectFrom("sagas as waiting")
    .select(["waiting.subject_kind", "waiting.subject_id"])
    .distinct()
    .where("waiting.state", "=", "waiting")
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("sagas as running")
            .select("running.id")
            .whereRef("running.subject_kind", "=", "waiting.subject_kind")
            .whereRef("running.subject_id", "=", "waiting.subject_id")
            .where("running.state", "in", activeStates),
        ),
      ),
    )
    .limit(scanMax)
    .execute();
  return rows.map(subjectOf);
}
