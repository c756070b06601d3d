// Why a step or a saga fails, other than by an error of the step itself.
import { errorTable, isFault, type Millis, type Uuid } from "@micronova/kit";
import type { StepError } from "./index.ts";

export const sagaErrors = errorTable("saga", {
  deadline: {
    status: 504,
    text: (step: string, ms: Millis) => `The step ${step} did not end within ${ms} ms.`,
    retriable: true,
  },
  unknown: { status: 404, text: (id: Uuid) => `Saga ${id} could not be found.` },
  notStuck: { status: 409, text: (id: Uuid) => `Saga ${id} has no undo that fails.` },
});

/** The cause of a saga that a cancel asked to unwind. */
export const cancelledError: StepError = {
  kind: "cancelled",
  status: 409,
  message: "Another request cancelled it.",
  retriable: false,
};

/** What of an error the log keeps. */
export function stepError(error: unknown): StepError {
  if (isFault(error)) {
    const { kind, status, message, retriable } = error;
    return { kind, status, message, retriable };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "internal", status: 500, message, retriable: false };
}
