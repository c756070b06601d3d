// Durable steps over a Store. A saga is a typed list of steps, each with `do` and `undo` side by side; its
// log is the truth, and `nextMove` over the log is the whole of crash recovery.
import type { Millis, Platform, RequestContext, Span, Uuid } from "@micronova/kit";
import type { Calls, Contract, Rpc } from "@micronova/rpc";
import type { Store, Tx } from "@micronova/store";
import type { Trouble } from "./journal.ts";
import type { SagaEvent } from "./next-move.ts";
import type { SagaWatcher } from "./notifications.ts";
import type { SagaState } from "./states.ts";

/** What a saga acts on; one runs per subject at a time: `{ kind: "server", id }`. */
export interface Subject {
  readonly kind: string;
  readonly id: Uuid;
}

/** A failure of an earlier attempt, with the step's output where one is known (`claim` names the host). */
export interface PastFailure {
  readonly step: string;
  readonly attempt: number;
  readonly error: StepError;
  /** Outputs of the steps that had succeeded in that attempt. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Why a step failed: a Fault's kind, status and message, or `internal`. */
export interface StepError {
  readonly kind: string;
  readonly status: number;
  readonly message: string;
  readonly retriable: boolean;
}

/** What a step sees. */
export interface StepContext<P, O> {
  readonly sagaId: Uuid;
  readonly params: P;
  readonly outputs: O;
  /** From 1. */
  readonly attempt: number;
  readonly request: RequestContext;
  readonly failures: readonly PastFailure[];
  /** In an `undo`: why the saga unwinds. `cancelled` when a cancel asked for it. Null in a `do`. */
  readonly cause: StepError | null;
}

/**
 * What remote and query steps reach the world through. Calls carry the step's fence, deadline and operation
 * by themselves.
 */
export interface StepEnv {
  readonly rpc: {
    on<C extends Contract>(contract: C, host: string): Calls<C>;
    any<C extends Contract>(contract: C): Calls<C>;
  };
  /** For reading what the step's arguments are made of. */
  readonly store: Pick<Store, "read">;
  readonly signal: AbortSignal;
}

/** Happens exactly once: its work and the record of its success are one transaction. */
export interface LocalStep<P, O, R> {
  do(tx: Tx, context: StepContext<P, O>): Promise<R>;
  undo?(tx: Tx, context: StepContext<P, O>): Promise<void>;
}

/** Happens at least once: both halves are idempotent, and undo tolerates that nothing was done. */
export interface RemoteStep<P, O, R> {
  do(env: StepEnv, context: StepContext<P, O>): Promise<R>;
  undo?(env: StepEnv, context: StepContext<P, O>): Promise<void>;
  /** The step as a whole fails (retriable) after so long. Default 10 minutes. */
  readonly deadlineMs?: Millis;
  /**
   * When the host does not answer, `do` becomes a debt: the saga goes on with null for an output, and it is
   * done once the host is back. For what only takes away. Not for what must be withdrawn before anything else
   * may happen.
   */
  readonly doMayWait?: boolean;
  /** The same for `undo`, after a few tries. */
  readonly undoMayWait?: boolean;
  /** The step is no part of sagas with other parameters, which are spared its transaction. */
  readonly onlyWhen?: (params: P) => boolean;
}

/** Changes nothing, so it is simply asked again after a crash. */
export interface QueryStep<P, O, R> {
  do(env: StepEnv, context: StepContext<P, O>): Promise<R>;
}

export interface SagaBuilder<P, O> {
  local<N extends string, R>(name: N, step: LocalStep<P, O, R>): SagaBuilder<P, O & Readonly<Record<N, R>>>;
  remote<N extends string, R>(name: N, step: RemoteStep<P, O, R>): SagaBuilder<P, O & Readonly<Record<N, R>>>;
  query<N extends string, R>(name: N, step: QueryStep<P, O, R>): SagaBuilder<P, O & Readonly<Record<N, R>>>;
  /**
   * On a retriable failure of the step just added: unwind to `from` and try again, at most `attempts` times
   * in all.
   */
  retryFrom(from: keyof O & string, attempts: number): SagaBuilder<P, O>;
  /** Runs in the transaction that ends an unwound saga: say on the resource that and why it failed. */
  onUnwound(
    work: (tx: Tx, context: StepContext<P, Partial<O>> & { readonly cause: StepError }) => Promise<void>,
  ): SagaBuilder<P, O>;
  build(): Saga<P>;
}

/** A built saga: a name and steps. Steps of a released saga are never renamed. */
export interface Saga<P> {
  readonly name: string;
  readonly steps: readonly AnyStep[];
  /** Never there; keeps sagas with different parameters apart. */
  readonly _params?: (params: P) => void;
}
export type AnySaga = Saga<never>;
export interface AnyStep {
  readonly name: string;
  readonly kind: "local" | "remote" | "query";
}

export type Outcome =
  | { readonly state: "finished" }
  | { readonly state: "unwound"; readonly error: StepError }
  | { readonly state: "stuck"; readonly error: StepError };

export interface Sagas {
  /**
   * Records the saga in the caller's transaction; it starts once that commits. When another saga runs on the
   * subject this one waits for it to end. `action` is what `os-instance-actions` calls it.
   */
  start<P>(
    tx: Tx,
    saga: Saga<P>,
    params: NoInfer<P>,
    options: { readonly subject: Subject; readonly request: RequestContext; readonly action?: string },
  ): Promise<Uuid>;
  /** The saga running on the subject, if any, unwinds at its next step; waiting ones are dropped. */
  cancel(tx: Tx, subject: Subject): Promise<void>;
  /** Resolves when the saga has ended or is stuck. */
  outcome(id: Uuid): Promise<Outcome>;
  /** Tries a failing undo again now. Throws `sagaErrors.notStuck` when there is none. */
  retry(tx: Tx, id: Uuid): Promise<void>;
  /**
   * Goes on without a failing undo: the operator has seen to it. Throws `sagaErrors.notStuck` when there is
   * none.
   */
  abandon(tx: Tx, id: Uuid): Promise<void>;
}

/** One row of a saga's history, as `os-instance-actions` shows it. */
export interface SagaRecord {
  readonly id: Uuid;
  readonly name: string;
  readonly action: string | null;
  readonly subject: Subject;
  readonly request: RequestContext;
  readonly state: SagaState;
  readonly startedAt: Millis;
  readonly updatedAt: Millis;
  readonly steps: readonly StepRecord[];
  readonly error: StepError | null;
  /** An undo that fails: of which step, since when, how often, and why. */
  readonly trouble: Trouble | null;
  /** Who runs it, and until when nobody else may; null while nobody does. */
  readonly owner: string | null;
  readonly leaseUntil: Millis;
}
export interface StepRecord {
  readonly name: string;
  readonly attempt: number;
  readonly startedAt: Millis;
  readonly finishedAt: Millis | null;
  readonly result: "running" | "success" | "error" | "undone";
  readonly error: StepError | null;
  /** What the step did, and how long each took. */
  readonly spans: readonly Span[];
}
export interface SagaRunnerDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly rpc: Rpc;
  readonly sagas: readonly AnySaga[];
  /** The same name after a restart takes its own leases back at once. */
  readonly owner: string;
  /** Whether steps keep what they did and how long it took. Default: they do. */
  readonly isTraced?: boolean;
  /** How many sagas run at a time; the others stay in the tables. */
  readonly concurrencyMax?: number;
  /** Hears of what begins and ends here. */
  readonly watcher?: SagaWatcher;
  /** Hears of every commit, and may end the process there. */
  readonly boundary?: SagaBoundary;
}

/** Told of a saga's commit as the last thing in its transaction, and as the first after it. */
export type SagaBoundary = (moment: "before-commit" | "after-commit", commit: SagaCommit) => void;

export interface SagaCommit {
  readonly saga: string;
  readonly subject: Subject;
  readonly params: unknown;
  readonly request: RequestContext;
  /** What the commit records of steps, in order. */
  readonly events: readonly Pick<SagaEvent, "step" | "type">[];
}

export { type AuditEntry, audit, auditLog } from "./audit.ts";
export { saga, sagaShape } from "./builder.ts";
export { sagaDebts } from "./debts.ts";
export { sagaDoor } from "./door.ts";
export { sagaErrors } from "./errors.ts";
export { quietSagaInvariants, sagaInvariants } from "./invariants.ts";
export { sagaMigrations } from "./migrations.ts";
export { type Move, nextMove, type SagaEvent } from "./next-move.ts";
export { type SagaEvents, type SagaWatcher, sagaNotifications } from "./notifications.ts";
export { busySubjects, listSagas, type SagaFilter, sagaRecord, sagasOf } from "./records.ts";
export type { Inspected, Inspection, InspectionDeps, Repair, Repairs } from "./repair.ts";
export { sagaRunner } from "./runner.ts";
export { type SagaState, sagaStates } from "./states.ts";
