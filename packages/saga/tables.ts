// The rows of the tables this package owns.
import type { Millis, Uuid } from "@micronova/kit";
import type { SagaState } from "./states.ts";

export interface SagaTable {
  id: Uuid;
  name: string;
  action: string | null;
  subject_kind: string;
  subject_id: Uuid;
  /** JSON. */
  params: string;
  /** The `RequestContext`, JSON. */
  request: string;
  state: SagaState;
  /** Why it unwinds or unwound: a `StepError`, JSON. */
  error: string | null;
  /** 1 once a cancel was asked for. */
  cancel: number;
  /** The runner that holds it. */
  owner: string | null;
  /** When others may take it from its owner; without an owner, when the scan may pick it up. */
  lease_until: Millis;
  /** Raised each time it changes hands. Every write names the generation it believes in. */
  generation: number;
  /** The undo that does not succeed: a `Trouble`, JSON. */
  trouble: string | null;
  /** The order of the subject's sagas. */
  ordinal: number;
  /** The request's id, as in `request`; null in sagas of older versions. */
  request_id: string | null;
  created_at: Millis;
  updated_at: Millis;
}

export interface SagaEventTable {
  saga_id: Uuid;
  n: number;
  step: string;
  attempt: number;
  type: "started" | "succeeded" | "failed" | "undoing" | "undone";
  fence: number | null;
  /** JSON. */
  output: string | null;
  /** A `StepError`, JSON. */
  error: string | null;
  retry_from: string | null;
  /** What the step did meanwhile: `Span[]`, JSON. */
  spans: string | null;
  began_at: Millis;
  at: Millis;
}

export interface SagaFenceTable {
  /** `<kind>:<id>` of the subject: the lane of its calls. */
  subject: string;
  counter: number;
}

/** What is put off until its host answers: the `do` or `undo` that event `n` of the saga says is done. */
export interface SagaDebtTable {
  saga_id: Uuid;
  n: number;
  step: string;
  tries: number;
  /** Whoever moves this on may try. */
  due_at: Millis;
  created_at: Millis;
}

export interface AuditLogTable {
  id: Uuid;
  at: Millis;
  request_id: string;
  user_id: string | null;
  action: string;
  subject_kind: string;
  subject_id: string;
  reason: string;
}

declare module "@micronova/store" {
  interface Tables {
    audit_log: AuditLogTable;
    sagas: SagaTable;
    saga_events: SagaEventTable;
    saga_fences: SagaFenceTable;
    saga_debts: SagaDebtTable;
  }
}
