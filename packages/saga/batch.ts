// One transaction of a saga: records what the last remote step told, does the local steps that follow, and
// notes that the next remote step begins. A calm saga thus costs one transaction before and one after each
// remote step.
import type { RequestContext, Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import { type RunnableSaga, tailored } from "./builder.ts";
import { cancelledError } from "./errors.ts";
import type { StepContext, StepError, Subject } from "./index.ts";
import {
  appendEvents,
  claim,
  end,
  type Holder,
  keep,
  raiseFence,
  setState,
  subjectOf,
  type Trouble,
} from "./journal.ts";
import {
  type Move,
  moveAfter,
  outputsOf,
  type Progress,
  progressOf,
  type SagaEvent,
  stateOf,
} from "./next-move.ts";
import type { SagaState } from "./states.ts";
import type { SagaTable } from "./tables.ts";

/** What does not change while a saga runs. */
export interface Given {
  readonly id: Uuid;
  readonly saga: RunnableSaga;
  readonly params: unknown;
  readonly subject: Subject;
  readonly request: RequestContext;
}

export function givenOf(row: SagaTable, built: RunnableSaga): Given {
  const params: unknown = JSON.parse(row.params);
  const subject = subjectOf(row);
  return { id: row.id, saga: tailored(built, params), params, subject, request: JSON.parse(row.request) };
}

/** Where a saga stands, as its runner knows from what it read or wrote last. */
export interface Position {
  readonly generation: number;
  /** False until the first write has found that the saga still is as it was read. */
  readonly isClaimed: boolean;
  readonly state: SagaState;
  readonly trouble: Trouble | null;
  readonly progress: Progress;
  readonly eventsWritten: number;
}

export interface BatchResult {
  readonly position: Position;
  /** What this transaction records. */
  readonly events: readonly SagaEvent[];
  readonly ending: {
    readonly state: "finished" | "unwound";
    readonly next: Uuid | null;
    /** Why it was undone; null when it was not. */
    readonly error: StepError | null;
  } | null;
}

export type StepMove = Extract<Move, { readonly kind: "do" | "undo" }>;

/** Rolls the transaction back: this work threw, after these events (which took no work). */
export class WorkThrew extends Error {
  readonly move: Move;
  readonly events: readonly SagaEvent[];
  /** Whether no other work was rolled back with it. */
  readonly isAlone: boolean;

  constructor(move: Move, events: readonly SagaEvent[], isAlone: boolean, cause: unknown) {
    super("the work of a step threw", { cause });
    this.move = move;
    this.events = events;
    this.isAlone = isAlone;
  }
}

/** Rolls the transaction back: another runner has the saga. */
export class ChangedHands extends Error {}

/** At most `worksMax` pieces of work in this transaction; `news` is recorded first. */
export async function runBatch(
  tx: Tx,
  given: Given,
  before: Position,
  options: {
    readonly holder: Omit<Holder, "generation">;
    readonly news: readonly SagaEvent[];
    readonly worksMax: number;
  },
): Promise<BatchResult> {
  const isCancelled = await hold(tx, before, options.holder);
  const log = new Log(tx, given, before.progress, options.news);
  if (isCancelled) log.cancel();
  const last = await work(tx, given, log, options.worksMax);
  await appendEvents(tx, given.id, before.eventsWritten, log.events);
  const position = {
    ...before,
    isClaimed: true,
    generation: before.isClaimed ? before.generation : before.generation + 1,
    progress: log.progress,
    eventsWritten: before.eventsWritten + log.events.length,
  };
  if (last?.kind === "finished" || last?.kind === "unwound") {
    const error = last.kind === "unwound" ? last.error : null;
    const next = await end(tx, given.id, given.subject, last.kind, error);
    return { position, events: log.events, ending: { state: last.kind, next, error } };
  }
  const after = await withState(tx, given.id, position, log.events);
  return { position: after, events: log.events, ending: null };
}

/** What a step sees. */
export function contextFor(given: Given, progress: Progress, attempt: number, isUndo: boolean) {
  const { id: sagaId, params, request } = given;
  const { failures, failure } = progress;
  const cause = isUndo ? (failure?.error ?? null) : null;
  return {
    sagaId,
    params,
    request,
    attempt,
    failures,
    cause,
    outputs: outputsOf(progress),
  } satisfies StepContext<unknown, unknown>;
}

/**
 * An output as the log gives it back, so that a step sees the same whether or not somebody died before it.
 */
export function asStored(output: unknown): unknown {
  return output === undefined ? null : JSON.parse(JSON.stringify(output));
}

/** The events of this transaction and what they amount to. */
class Log {
  readonly events: SagaEvent[];
  progress: Progress;
  readonly #given: Given;
  readonly #at: number;

  constructor(tx: Tx, given: Given, before: Progress, news: readonly SagaEvent[]) {
    this.#given = given;
    this.#at = now(tx);
    this.events = [...news];
    this.progress = progressOf(given.saga, news, before);
  }

  add(event: NewEvent): void {
    const whole = { began: this.#at, at: this.#at, ...event };
    this.events.push(whole);
    this.progress = progressOf(this.#given.saga, [whole], this.progress);
  }

  /** Turns the saga round, unless it is finished or unwinds for good already. */
  cancel(): void {
    const { failure, attempt } = this.progress;
    if (failure !== null && failure.retryFrom === null) return;
    const move = moveAfter(this.#given.saga, this.progress);
    if (move.kind === "finished" || move.kind === "unwound") return;
    this.add({ step: move.step.name, attempt, type: "failed", error: cancelledError, retryFrom: null });
  }
}

type NewEvent = SagaEvent extends infer E ? (E extends SagaEvent ? Omit<E, "began" | "at"> : never) : never;

async function hold(tx: Tx, before: Position, holder: Omit<Holder, "generation">): Promise<boolean> {
  const as = { ...holder, generation: before.generation };
  const held = before.isClaimed ? await keep(tx, as) : await claim(tx, as);
  if (held === null) throw new ChangedHands();
  return held.cancel !== 0;
}

/**
 * Does what can be done in this transaction. Returns the move that comes after it, or null for "more of the
 * same".
 */
async function work(tx: Tx, given: Given, log: Log, worksMax: number): Promise<Move | null> {
  for (let works = 0; ; ) {
    const move = moveAfter(given.saga, log.progress);
    const effect = asEffect(move);
    if (effect !== null) {
      await noteBeginning(tx, given, log, effect);
      return effect;
    }
    const task = taskOf(tx, given, log.progress, move);
    if (task !== null && works === worksMax) return null;
    if (task !== null) works++;
    const output = await task?.().catch((error: unknown) => {
      throw new WorkThrew(move, log.events, works === 1, error);
    });
    if (move.kind === "finished" || move.kind === "unwound") return move;
    const done = { step: move.step.name, attempt: move.attempt };
    log.add(
      move.kind === "do"
        ? { ...done, type: "succeeded", output: asStored(output) }
        : { ...done, type: "undone" },
    );
  }
}

/** The move if it reaches the world, and so happens between transactions. */
export function asEffect(move: Move): StepMove | null {
  if (move.kind === "finished" || move.kind === "unwound") return null;
  const { kind, step } = move;
  if (kind === "do") return step.kind === "local" ? null : move;
  return step.kind === "remote" && step.undo !== null ? move : null;
}

async function noteBeginning(tx: Tx, { subject }: Given, log: Log, { kind, step, attempt, fence }: StepMove) {
  if (step.kind === "query" || fence !== null) return;
  const raised = await raiseFence(tx, subject);
  log.add({ step: step.name, attempt, type: kind === "do" ? "started" : "undoing", fence: raised });
}

/** The work of a move within the transaction; null when there is none to do. */
function taskOf(tx: Tx, given: Given, progress: Progress, move: Move): (() => Promise<unknown>) | null {
  if (move.kind === "finished") return null;
  if (move.kind === "unwound") {
    const { onUnwound } = given.saga;
    // By now nothing is left to have an output; what the last failure found is what can still be of use.
    const outputs = progress.failures.at(-1)?.outputs ?? {};
    const context = { ...contextFor(given, progress, progress.attempt, true), outputs };
    return onUnwound === null ? null : async () => onUnwound(tx, context);
  }
  const { step, attempt } = move;
  const task = move.kind === "do" ? step.do : step.kind === "local" ? step.undo : null;
  return task === null
    ? null
    : async () => task(tx, contextFor(given, progress, attempt, move.kind === "undo"));
}

/** Keeps the row's state true to the log, and forgets a trouble that is over. */
async function withState(
  tx: Tx,
  id: Uuid,
  position: Position,
  events: readonly SagaEvent[],
): Promise<Position> {
  const { progress, trouble } = position;
  const isOver =
    trouble === null || events.some(({ type, step }) => type === "undone" && step === trouble.step);
  if (!isOver) return position;
  const { failure } = progress;
  const state = stateOf(failure);
  if (state === position.state && trouble === null) return position;
  await setState(tx, id, state, failure?.error ?? null);
  return { ...position, state, trouble: null };
}
