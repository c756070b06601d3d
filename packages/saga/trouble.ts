// What happens when undoing fails: it is tried forever, with growing pauses, and after an hour the saga
// counts as stuck, which an operator sees and can retry or abandon. An undo that may wait does not hold the
// saga for a host that does not answer: after a few tries it becomes a debt.

import type { Millis } from "@micronova/kit";
import { wasUnanswered } from "@micronova/rpc";
import type { RunnableStep } from "./builder.ts";
import { sagaErrors } from "./errors.ts";
import type { StepError } from "./index.ts";
import type { Trouble } from "./journal.ts";

const pauseMsMin = 1_000;
// A host that comes back is noticed within a minute.
const pauseMsMax = 60_000;
// Long enough for a host to be rebooted; what lasts longer wants a person.
const stuckAfterMs = 3_600_000;
// A stuck saga is still tried, so that it heals by itself when its host does.
const stuckPauseMs = 300_000;

// With the pauses between them, enough for a worker that restarts.
const triesBeforeDebt = 3;
/** Whether what nobody answered is put off, so that the saga can go on. */
export function becomesDebt(
  step: RunnableStep,
  kind: "do" | "undo",
  error: StepError,
  tries: number,
): boolean {
  if (!wasUnanswered(error.kind) && error.kind !== sagaErrors.deadline.kind) return false;
  // A `do` has a caller who wants to see it end; an undo has time.
  return kind === "do" ? step.doMayWait : step.undoMayWait && tries >= triesBeforeDebt;
}

/** The trouble after one more failure, whether it counts as stuck, and how long to wait. */
export function afterTrouble(
  before: Trouble | null,
  step: string | null,
  error: StepError,
  at: Millis,
): { readonly trouble: Trouble; readonly isStuck: boolean; readonly pauseMs: Millis } {
  const isSame = before !== null && before.step === step;
  const trouble = { step, error, since: isSame ? before.since : at, tries: isSame ? before.tries + 1 : 1 };
  const isStuck = at - trouble.since >= stuckAfterMs;
  const pauseMs = isStuck ? stuckPauseMs : Math.min(pauseMsMin * 2 ** (trouble.tries - 1), pauseMsMax);
  return { trouble, isStuck, pauseMs };
}
