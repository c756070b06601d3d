// What is put off because its host did not answer. Each debt is tried from time to time, on its own,
// until the host has done it; the saga they belong to has long gone on. A fence that is too low means that
// the subject's later work has reached the host since, and that work says what there should be on it.
import { isFault, type Millis, type Uuid } from "@micronova/kit";
import { rpcErrors } from "@micronova/rpc";
import { now, prepared, type Tx } from "@micronova/store";
import { asEffect, contextFor, givenOf, type StepMove } from "./batch.ts";
import type { RunnableSaga } from "./builder.ts";
import { type EffectDeps, stepEnv, unlessAborted } from "./effects.ts";
import type { Subject } from "./index.ts";
import { debtPauseMs, readEvents, subjectOf } from "./journal.ts";
import { moveAfter, progressOf } from "./next-move.ts";
import type { SagaDebtTable } from "./tables.ts";

export interface SagaDebt {
  readonly sagaId: Uuid;
  readonly subject: Subject;
  readonly step: string;
  readonly tries: number;
  readonly since: Millis;
}

// Hosts that are away are asked in vain; this bounds how many wait for them at a time.
const payingMax = 50;
// Long enough for a host that answers.
const paidWithinMs: Millis = 1_000;

type Due = Pick<SagaDebtTable, "saga_id" | "n" | "due_at">;

/** What hosts that do not answer still have to do, oldest first. */
export async function sagaDebts(tx: Tx): Promise<readonly SagaDebt[]> {
  const rows = await tx
    .selectFrom("saga_debts as debt")
    .innerJoin("sagas as saga", "saga.id", "debt.saga_id")
    .selectAll("debt")
    .select(["saga.subject_kind", "saga.subject_id"])
    .orderBy("debt.created_at")
    .execute();
  return rows.map((row) => ({
    sagaId: row.saga_id,
    subject: subjectOf(row),
    step: row.step,
    tries: row.tries,
    since: row.created_at,
  }));
}

const owedOf = prepared((tx, { kind, id }: Subject) =>
  tx
    .selectFrom("saga_debts")
    .innerJoin("sagas", "sagas.id", "saga_debts.saga_id")
    .select(["saga_debts.saga_id", "saga_debts.n", "saga_debts.due_at"])
    .where("sagas.subject_kind", "=", kind)
    .where("sagas.subject_id", "=", id)
    .orderBy("saga_debts.created_at"),
);

export class DebtPayer {
  readonly #deps: EffectDeps;
  readonly #sagas: ReadonlyMap<string, RunnableSaga>;
  readonly #stopping: AbortSignal;
  #paying = 0;

  constructor(deps: EffectDeps, sagas: ReadonlyMap<string, RunnableSaga>, stopping: AbortSignal) {
    this.#deps = deps;
    this.#sagas = sagas;
    this.#stopping = stopping;
  }

  /** Begins to pay what is due. Does not wait: hosts may not answer for long. */
  async payDue(): Promise<void> {
    const { read } = this.#deps.store;
    const due = await read
      .selectFrom("saga_debts")
      .select(["saga_id", "n", "due_at"])
      // One that is due later than that was put off by a clock that ran ahead.
      .where((is) => is.or([is("due_at", "<=", now(read)), is("due_at", ">", now(read) + 2 * debtPauseMs)]))
      .orderBy("due_at")
      .limit(payingMax - this.#paying)
      .execute();
    for (const debt of due) void this.#pay(debt);
  }

  /**
   * Has the subject's hosts do what they owe, before later work reaches them, whose fence is higher. Those
   * that are still away are not waited for.
   */
  async payFor({ kind, id }: Subject): Promise<void> {
    const { read } = this.#deps.store;
    const owed = await owedOf(read, { kind, id });
    if (owed.length === 0) return;
    const paid = Promise.all(owed.map((debt) => this.#pay(debt)));
    await Promise.race([paid, this.#deps.platform.clock.sleep(paidWithinMs)]);
  }

  /** Tries once. Never rejects: what fails is due again later. */
  async #pay(debt: Due): Promise<void> {
    const { saga_id, n } = debt;
    this.#paying++;
    const fields = { sagaId: saga_id, n };
    try {
      if (await this.#take(debt)) await this.#settle(saga_id, n);
    } catch (error) {
      if (!this.#stopping.aborted)
        this.#deps.platform.log.warn({ error, ...fields }, "a debt could not be paid yet");
    }
    this.#paying--;
  }

  /** Puts the debt's next try off, which only one of several conductors can. */
  async #take({ saga_id, n, due_at }: Due): Promise<boolean> {
    const taken = await this.#deps.store.transaction((tx) =>
      tx
        .updateTable("saga_debts")
        .set((debt) => ({ due_at: now(tx) + debtPauseMs, tries: debt("tries", "+", 1) }))
        .where("saga_id", "=", saga_id)
        .where("n", "=", n)
        .where("due_at", "=", due_at)
        .returning("n")
        .execute(),
    );
    return taken.length === 1;
  }

  async #settle(sagaId: Uuid, n: number): Promise<void> {
    const { read } = this.#deps.store;
    const row = await read.selectFrom("sagas").selectAll().where("id", "=", sagaId).executeTakeFirstOrThrow();
    const built = this.#sagas.get(row.name);
    if (built === undefined) return;
    const given = givenOf(row, built);
    const { saga } = given;
    const log = (await readEvents(read, sagaId)).slice(0, n);
    const progress = progressOf(saga, log);
    const move = asEffect(moveAfter(saga, progress));
    if (move !== null && move.fence !== null) {
      await this.#perform(move, given, contextFor(given, progress, move.attempt, move.kind === "undo"));
    }
    await this.#deps.store.transaction((tx) =>
      tx.deleteFrom("saga_debts").where("saga_id", "=", sagaId).where("n", "=", n).execute(),
    );
  }

  async #perform(
    move: StepMove,
    { id, subject, request }: Pick<Parameters<typeof contextFor>[0], "id" | "subject" | "request">,
    context: unknown,
  ): Promise<void> {
    const deadline = this.#deps.platform.clock.monotonic() + debtPauseMs;
    const env = stepEnv(this.#deps, { move, sagaId: id, subject, request, deadline, signal: this.#stopping });
    try {
      // An effect that is an undo has one.
      const half = move.kind === "do" ? move.step.do : move.step.undo!;
      await unlessAborted(this.#stopping, half(env, context));
    } catch (error) {
      if (!isFault(error, rpcErrors.fenced)) throw error;
      this.#deps.platform.log.info({ sagaId: id, step: move.step.name }, "a debt is overtaken by later work");
    }
  }
}
