// The states of a saga, as a table: which hold their subject, and which are ends.

export type SagaState = "waiting" | "running" | "unwinding" | "finished" | "unwound" | "stuck";

interface StateRule {
  /** Runs on its subject, so that others on it wait. A partial unique index says the same. */
  readonly holdsSubject: boolean;
  /** Nothing changes it any more. */
  readonly isEnd: boolean;
  /** `outcome` tells it to those who wait. A stuck saga is tried again, but nobody should wait for that. */
  readonly isOutcome: boolean;
}

export const sagaStates: Readonly<Record<SagaState, StateRule>> = {
  waiting: { holdsSubject: false, isEnd: false, isOutcome: false },
  running: { holdsSubject: true, isEnd: false, isOutcome: false },
  unwinding: { holdsSubject: true, isEnd: false, isOutcome: false },
  stuck: { holdsSubject: true, isEnd: false, isOutcome: true },
  finished: { holdsSubject: false, isEnd: true, isOutcome: true },
  unwound: { holdsSubject: false, isEnd: true, isOutcome: true },
};

/** The states of sagas that have not ended, waiting ones among them. */
export const unendedStates: readonly SagaState[] = ["waiting", "running", "unwinding", "stuck"];

/** The states in which a saga has work to do. */
export const activeStates: readonly SagaState[] = ["running", "unwinding", "stuck"];
