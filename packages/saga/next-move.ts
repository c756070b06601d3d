// What a saga does next, from its log alone. Pure: the whole of crash recovery is in this file.
import assert from "node:assert/strict";
import type { Millis, Span } from "@micronova/kit";
import { type RunnableSaga, type RunnableStep, runnable } from "./builder.ts";
import type { AnySaga, PastFailure, StepError } from "./index.ts";

export type SagaEvent = {
  readonly step: string;
  readonly attempt: number;
  readonly began: Millis;
  readonly at: Millis;
  /** What took how long meanwhile; for people, never for deciding. */
  readonly spans?: readonly Span[];
} & (
  | { readonly type: "started"; readonly fence: number }
  /** `owed`: why it was put off; it is a debt by now, and the saga goes on. */
  | { readonly type: "succeeded"; readonly output: unknown; readonly owed?: StepError }
  /**
   * `retryFrom` is the decision itself, so that a log means the same under a saga whose retries were changed.
   */
  | { readonly type: "failed"; readonly error: StepError; readonly retryFrom: string | null }
  | { readonly type: "undoing"; readonly fence: number }
  | { readonly type: "undone"; readonly owed?: StepError }
);

/** A step that began and is not undone. */
interface Begun {
  readonly attempt: number;
  readonly phase: "started" | "succeeded" | "failed" | "undoing";
  readonly output: unknown;
  readonly fence: number | null;
  readonly began: Millis;
}

interface Failure {
  readonly step: string;
  readonly attempt: number;
  readonly error: StepError;
  readonly retryFrom: string | null;
}

/** What a log amounts to. */
export interface Progress {
  readonly attempt: number;
  readonly begun: ReadonlyMap<string, Begun>;
  /** What is being unwound, or null while the saga goes forward. */
  readonly failure: Failure | null;
  readonly failures: readonly PastFailure[];
}

/** `fence` and `began` are known when the step was begun before, by whoever ran the saga then. */
export type Move =
  | {
      readonly kind: "do" | "undo";
      readonly step: RunnableStep;
      readonly attempt: number;
      readonly fence: number | null;
      readonly began: Millis | null;
    }
  | { readonly kind: "finished" }
  | { readonly kind: "unwound"; readonly error: StepError };

export const noProgress: Progress = { attempt: 1, begun: new Map(), failure: null, failures: [] };

export function nextMove(saga: AnySaga, log: readonly SagaEvent[]): Move {
  return moveAfter(runnable(saga), progressOf(runnable(saga), log));
}

export function progressOf(
  saga: RunnableSaga,
  log: readonly SagaEvent[],
  from: Progress = noProgress,
): Progress {
  return log.reduce((progress, event) => advance(saga, progress, event), from);
}

export function moveAfter(saga: RunnableSaga, { attempt, begun, failure }: Progress): Move {
  if (failure === null) {
    const step = saga.steps.find(({ name }) => begun.get(name)?.phase !== "succeeded");
    if (step === undefined) return { kind: "finished" };
    const before = begun.get(step.name);
    return { kind: "do", step, attempt, fence: before?.fence ?? null, began: before?.began ?? null };
  }
  const step = toUnwind(saga, failure).findLast(({ name }) => begun.has(name));
  if (step === undefined) return { kind: "unwound", error: failure.error };
  const before = begun.get(step.name)!;
  const isBegun = before.phase === "undoing";
  return {
    kind: "undo",
    step,
    attempt: before.attempt,
    fence: isBegun ? before.fence : null,
    began: isBegun ? before.began : null,
  };
}

/** Outputs of the steps that succeeded, for those that come after them and for their undoing. */
export function outputsOf({ begun }: Progress): Readonly<Record<string, unknown>> {
  // A step being undone keeps its output: the undo may be told twice.
  return Object.fromEntries(
    [...begun].filter(([, step]) => step.output !== undefined).map(([name, step]) => [name, step.output]),
  );
}

/** The state of a saga that is not at its end. */
export function stateOf(failure: Progress["failure"]): "running" | "unwinding" {
  return failure !== null && failure.retryFrom === null ? "unwinding" : "running";
}

/** From where a failed step is tried again, or null when the saga unwinds for good. */
export function retryAfter(step: RunnableStep, attempt: number, error: StepError): string | null {
  const { retry } = step;
  return retry !== null && error.retriable && attempt < retry.attempts ? retry.from : null;
}

function advance(saga: RunnableSaga, progress: Progress, event: SagaEvent): Progress {
  const { step, attempt, began } = event;
  const begun = new Map(progress.begun);
  const before = begun.get(step);
  switch (event.type) {
    case "started":
      begun.set(step, { attempt, phase: "started", output: undefined, fence: event.fence, began });
      return { ...progress, begun };
    case "succeeded":
      begun.set(step, { attempt, phase: "succeeded", output: event.output, fence: null, began });
      return { ...progress, begun };
    case "failed": {
      // A local step that fails is rolled back and a query changed nothing: neither is begun, so neither is
      // undone.
      if (before !== undefined) begun.set(step, { ...before, phase: "failed" });
      const { error, retryFrom } = event;
      const past = { step, attempt, error, outputs: outputsOf(progress) };
      const failures = [...progress.failures, past];
      return againIfUnwound(saga, {
        ...progress,
        begun,
        failures,
        failure: { step, attempt, error, retryFrom },
      });
    }
    case "undoing":
      assert(before !== undefined, `${step} is undone without having begun`);
      begun.set(step, { ...before, phase: "undoing", fence: event.fence, began });
      return { ...progress, begun };
    case "undone":
      begun.delete(step);
      return againIfUnwound(saga, { ...progress, begun });
  }
}

/** Goes forward again once everything that a retry repeats is undone. */
function againIfUnwound(saga: RunnableSaga, progress: Progress): Progress {
  const { failure, begun } = progress;
  if (failure === null || failure.retryFrom === null) return progress;
  if (toUnwind(saga, failure).some(({ name }) => begun.has(name))) return progress;
  return { ...progress, attempt: failure.attempt + 1, failure: null };
}

function toUnwind(saga: RunnableSaga, { retryFrom }: Failure): readonly RunnableStep[] {
  if (retryFrom === null) return saga.steps;
  const target = saga.steps.findIndex(({ name }) => name === retryFrom);
  assert(target >= 0, `saga ${saga.name} has lost its step ${retryFrom}`);
  return saga.steps.slice(target);
}
