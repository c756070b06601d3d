// One saga being run: what `nextMove` says, done. Between transactions at most one remote step or query is
// under way. The log is read once, before; from then on the runner knows what it wrote.
import { isFault, type Millis, SpanCollector } from "@micronova/kit";
import { isStoreFault, now, type Tx } from "@micronova/store";
import {
  asEffect,
  asStored,
  type BatchResult,
  ChangedHands,
  contextFor,
  type Given,
  type Position,
  runBatch,
  type StepMove,
  WorkThrew,
} from "./batch.ts";
import { type EffectDeps, stepEnv, unlessAborted } from "./effects.ts";
import { cancelledError, sagaErrors, stepError } from "./errors.ts";
import type { SagaBoundary, Subject } from "./index.ts";
import { appendEvents, claim, keep, pause } from "./journal.ts";
import { type Move, moveAfter, progressOf, retryAfter, type SagaEvent, stateOf } from "./next-move.ts";
import type { SagaWatcher } from "./notifications.ts";
import { afterTrouble, becomesDebt } from "./trouble.ts";

export interface ExecutionDeps extends EffectDeps {
  /** Has hosts do what they owe of the subject. */
  readonly payFor: (subject: Subject) => Promise<void>;
  readonly owner: string;
  readonly leaseMs: Millis;
  readonly watcher: SagaWatcher | null;
  readonly isTraced: boolean;
  readonly boundary: SagaBoundary | null;
}

/**
 * How a run came to its end. `left`: another runner has the saga, or will have it when the lease runs out.
 */
export type Ending =
  | ({ readonly kind: "ended" } & NonNullable<BatchResult["ending"]>)
  | { readonly kind: "paused"; readonly pauseMs: Millis; readonly isStuck: boolean }
  | { readonly kind: "left" };

/** The reason of a step's signal when it is to stop, other than its deadline's Fault. */
class Interrupted extends Error {
  readonly why: "cancelled" | "left";
  constructor(why: "cancelled" | "left") {
    super(`the step was interrupted: ${why}`);
    this.why = why;
  }
}

interface UnderWay {
  readonly move: StepMove;
  /** Monotonic. */
  readonly deadline: Millis;
  readonly abort: AbortController;
}

export class Execution {
  readonly given: Given;
  readonly #deps: ExecutionDeps;
  #position: Position;
  /** Told by a remote step or a query, and not yet recorded. */
  #news: readonly SagaEvent[] = [];
  // A batch that throws is run again one work at a time, so that the failing one is recorded alone.
  #worksMax = Number.POSITIVE_INFINITY;
  #isLeaving = false;
  #underWay: UnderWay | null = null;

  constructor(deps: ExecutionDeps, given: Given, position: Position) {
    this.#deps = deps;
    this.given = given;
    this.#position = position;
  }

  /** The generation under which the saga is held, or null as long as it is not. */
  get generation(): number | null {
    return this.#position.isClaimed ? this.#position.generation : null;
  }

  async run(): Promise<Ending> {
    while (!this.#isLeaving) {
      const ending = (await this.#reach()) ?? (await this.#commit());
      if (ending !== null) return ending;
    }
    return { kind: "left" };
  }

  /** Stops at once, leaving the saga as its log says. */
  leave(): void {
    this.#isLeaving = true;
    this.#underWay?.abort.abort(new Interrupted("left"));
  }

  /** Gives up the step under way, for its undo to follow; what is being undone goes on. */
  cancel(): void {
    if (this.#underWay?.move.kind === "do") this.#underWay.abort.abort(new Interrupted("cancelled"));
  }

  /** Gives up the step under way if its time is over. */
  checkDeadline(): void {
    const { clock } = this.#deps.platform;
    if (this.#underWay === null || clock.monotonic() < this.#underWay.deadline) return;
    const { step } = this.#underWay.move;
    this.#underWay.abort.abort(sagaErrors.deadline(step.name, step.deadlineMs));
  }

  /** Performs the remote step or query that is next, if one is and has been recorded as begun. */
  async #reach(): Promise<Ending | null> {
    const { saga } = this.given;
    const move = asEffect(moveAfter(saga, progressOf(saga, this.#news, this.#position.progress)));
    if (move === null) return null;
    const isRecorded = this.#news.length === 0 && this.#position.isClaimed && move.fence !== null;
    if (move.step.kind === "remote" && !isRecorded) return null;
    this.#worksMax = Number.POSITIVE_INFINITY;
    return this.#perform(move);
  }

  async #perform(move: StepMove): Promise<Ending | null> {
    const { clock, log } = this.#deps.platform;
    const { step, attempt, kind } = move;
    if (step.kind === "remote") await this.#deps.payFor(this.given.subject);
    // Told to leave meanwhile: there was nothing under way to give up yet.
    if (this.#isLeaving) return { kind: "left" };
    const collector = new SpanCollector(clock);
    const at = { step: step.name, attempt, began: move.began ?? clock.now(), spans: collector.spans };
    const work = () => this.#try(move);
    try {
      const output = await (this.#deps.isTraced ? collector.run(work) : work());
      const done = { ...at, at: clock.now() };
      this.#tell(
        kind === "undo"
          ? { ...done, type: "undone" }
          : { ...done, type: "succeeded", output: asStored(output) },
      );
    } catch (error) {
      if (error instanceof Interrupted && error.why === "left") return { kind: "left" };
      if (kind === "undo") return this.#afterUndoFailed(move, error);
      const isCancelled = error instanceof Interrupted;
      if (!isCancelled && !isFault(error))
        log.error({ error, ...this.#labels(move) }, "a step failed unexpectedly");
      const reason = isCancelled ? cancelledError : stepError(error);
      const retryFrom = retryAfter(step, attempt, reason);
      const isOwed = becomesDebt(step, "do", reason, 1);
      const told = { ...at, at: clock.now() };
      if (isOwed) this.#tell({ ...told, type: "succeeded", output: null, owed: reason });
      else this.#tell({ ...told, type: "failed", error: reason, retryFrom });
    }
    return null;
  }

  #tell(event: SagaEvent): void {
    this.#news = [...this.#news, event];
  }

  #labels(move: Move) {
    return {
      sagaId: this.given.id,
      saga: this.given.saga.name,
      step: "step" in move ? move.step.name : null,
    };
  }

  async #try(move: StepMove): Promise<unknown> {
    const { id: sagaId, saga, subject, request } = this.given;
    const abort = new AbortController();
    const deadline = this.#deps.platform.clock.monotonic() + move.step.deadlineMs;
    this.#underWay = { move, deadline, abort };
    const env = stepEnv(this.#deps, { move, sagaId, subject, request, deadline, signal: abort.signal });
    const progress = progressOf(saga, this.#news, this.#position.progress);
    const context = contextFor(this.given, progress, move.attempt, move.kind === "undo");
    // `asEffect` has seen that an undo is there.
    const half = move.kind === "do" ? move.step.do : move.step.undo!;
    try {
      return await unlessAborted(abort.signal, half(env, context));
    } finally {
      this.#underWay = null;
    }
  }

  async #commit(): Promise<Ending | null> {
    try {
      const result = await this.#deps.store.transaction((tx) => this.#batch(tx));
      this.#cross("after-commit", result);
      this.#announce(result);
      this.#position = result.position;
      this.#news = [];
      return result.ending === null ? null : { kind: "ended", ...result.ending };
    } catch (error) {
      if (error instanceof ChangedHands) return { kind: "left" };
      if (error instanceof WorkThrew && !isStoreFault(error.cause)) return this.#afterThrow(error);
      if (error instanceof WorkThrew || isStoreFault(error)) throw error;
      // The transaction itself was refused, as when a step awaits what it must not: tried again, ever less
      // often.
      this.#deps.platform.log.error({ error, sagaId: this.given.id }, "a transaction of a saga was refused");
      return this.#pause(null, [], error);
    }
  }

  /** Whoever claims a saga first begins it. */
  #announce({ ending }: BatchResult): void {
    const { watcher } = this.#deps;
    if (this.#position.generation === 0) watcher?.began(this.given);
    if (ending !== null) watcher?.ended(this.given, ending.error);
  }

  async #batch(tx: Tx): Promise<BatchResult> {
    const { owner, leaseMs } = this.#deps;
    const holder = { id: this.given.id, owner, leaseMs };
    const done = { holder, news: this.#news, worksMax: this.#worksMax };
    const result = await runBatch(tx, this.given, this.#position, done);
    this.#cross("before-commit", result);
    return result;
  }

  #cross(moment: "before-commit" | "after-commit", { events }: BatchResult): void {
    const { saga, subject, params, request } = this.given;
    this.#deps.boundary?.(moment, { saga: saga.name, subject, params, request, events });
  }

  async #afterThrow({ move, isAlone, events, cause }: WorkThrew): Promise<Ending | null> {
    if (!isAlone) {
      this.#worksMax = 1;
      return null;
    }
    const { clock, log } = this.#deps.platform;
    if (!isFault(cause)) log.error({ error: cause, ...this.#labels(move) }, "a step failed unexpectedly");
    if (move.kind !== "do") return this.#pause(move.kind === "undo" ? move.step.name : null, events, cause);
    const { step, attempt } = move;
    const error = stepError(cause);
    const failed = { step: step.name, attempt, began: clock.now(), at: clock.now(), error } as const;
    this.#news = [...events, { ...failed, type: "failed", retryFrom: retryAfter(step, attempt, error) }];
    return null;
  }

  /** Puts the undo off when it may wait for its host; lets go of the saga for a while otherwise. */
  async #afterUndoFailed({ step, attempt }: StepMove, error: unknown): Promise<Ending | null> {
    const at = this.#deps.platform.clock.now();
    const { trouble } = afterTrouble(this.#position.trouble, step.name, stepError(error), at);
    if (!becomesDebt(step, "undo", trouble.error, trouble.tries)) return this.#pause(step.name, [], error);
    this.#tell({ step: step.name, attempt, began: at, at, type: "undone", owed: trouble.error });
    return null;
  }

  /** Undoing failed: lets go of the saga for a while. */
  async #pause(step: string | null, events: readonly SagaEvent[], cause: unknown): Promise<Ending> {
    const { platform, store, owner, leaseMs } = this.#deps;
    const { id } = this.given;
    const { generation, isClaimed, eventsWritten, trouble: before, progress } = this.#position;
    const after = afterTrouble(before, step, stepError(cause), platform.clock.now());
    const { trouble, isStuck, pauseMs } = after;
    platform.log.warn({ error: cause, sagaId: id, step, tries: trouble.tries }, "undoing a step failed");
    const held = await store.transaction(async (tx) => {
      const hold = isClaimed ? keep : claim;
      if ((await hold(tx, { id, owner, leaseMs, generation })) === null) return false;
      await appendEvents(tx, id, eventsWritten, events);
      const failure = progressOf(this.given.saga, events, progress).failure;
      const state = isStuck ? "stuck" : stateOf(failure);
      await pause(tx, id, { trouble, state, error: failure?.error ?? null, until: now(tx) + pauseMs });
      return true;
    });
    return held ? { kind: "paused", pauseMs, isStuck } : { kind: "left" };
  }
}
