// Building a saga: step by step, the output of each becoming part of what the next ones see.
import assert from "node:assert/strict";
import type { Millis } from "@micronova/kit";
import type { AnySaga, AnyStep, Saga, SagaBuilder } from "./index.ts";

type Work = (with_: unknown, context: unknown) => Promise<unknown>;

/** A step as the runner sees it. */
export interface RunnableStep extends AnyStep {
  readonly do: Work;
  readonly undo: Work | null;
  readonly deadlineMs: Millis;
  readonly doMayWait: boolean;
  readonly undoMayWait: boolean;
  readonly onlyWhen: ((params: unknown) => boolean) | null;
  readonly retry: { readonly from: string; readonly attempts: number } | null;
}

/** A saga as the runner sees it. */
export interface RunnableSaga extends AnySaga {
  readonly steps: readonly RunnableStep[];
  readonly onUnwound: Work | null;
}

// Long enough for a large image to cross a slow network; a step that knows better says so.
const deadlineMsDefault = 600_000;

/** Begins a saga. Its name and its steps' names are in the logs of running clouds: they are never changed. */
export function saga<P>(name: string): SagaBuilder<P, Readonly<Record<never, never>>> {
  return builder({ name, steps: [], onUnwound: null });
}

/** The runner's view of a saga. */
export function runnable(built: AnySaga): RunnableSaga {
  assert("onUnwound" in built, `saga ${built.name} was not made by build()`);
  // Only `build` makes sagas, and it makes this.
  return built as RunnableSaga;
}

/** The saga without the steps that its parameters have no use for. */
export function tailored(built: RunnableSaga, params: unknown): RunnableSaga {
  if (built.steps.every(({ onlyWhen }) => onlyWhen === null)) return built;
  return { ...built, steps: built.steps.filter(({ onlyWhen }) => onlyWhen === null || onlyWhen(params)) };
}

/** A saga's name, steps and kinds as one line of text, for the golden file that guards them. */
export function sagaShape(built: AnySaga): string {
  return `${built.name}: ${built.steps.map(({ name, kind }) => `${name} (${kind})`).join(", ")}`;
}

interface AddedStep {
  readonly do: unknown;
  readonly undo?: unknown;
  readonly deadlineMs?: Millis;
  readonly doMayWait?: boolean;
  readonly undoMayWait?: boolean;
  readonly onlyWhen?: unknown;
}

function builder<P, O>(so_far: RunnableSaga): SagaBuilder<P, O> {
  const add =
    (kind: AnyStep["kind"]) =>
    <O2>(name: string, step: AddedStep) => {
      assert(!so_far.steps.some((other) => other.name === name), `two steps are called ${name}`);
      const added: RunnableStep = {
        name,
        kind,
        // The builder's types tie each step's functions to what the runner passes to this kind of step.
        do: step.do as Work,
        undo: (step.undo as Work | undefined) ?? null,
        deadlineMs: step.deadlineMs ?? deadlineMsDefault,
        doMayWait: step.doMayWait ?? false,
        undoMayWait: step.undoMayWait ?? false,
        onlyWhen: (step.onlyWhen as RunnableStep["onlyWhen"] | undefined) ?? null,
        retry: null,
      };
      return builder<P, O2>({ ...so_far, steps: [...so_far.steps, added] });
    };
  return {
    local: add("local"),
    remote: add("remote"),
    query: add("query"),
    retryFrom(from, attempts) {
      const last = so_far.steps.at(-1);
      assert(
        last !== undefined && so_far.steps.some(({ name }) => name === from),
        `there is no step ${from}`,
      );
      return builder({
        ...so_far,
        steps: [...so_far.steps.slice(0, -1), { ...last, retry: { from, attempts } }],
      });
    },
    onUnwound: (work) => builder({ ...so_far, onUnwound: work as Work }),
    // A saga's parameters exist in its steps' types only.
    build: () => so_far as unknown as Saga<P>,
  };
}
