// A saga's history as others show it: `os-instance-actions`, the dashboard's progress, the command line.
import type { Millis, Span, Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { sagaDebts } from "./debts.ts";
import type { SagaRecord, StepRecord, Subject } from "./index.ts";
import { laneOf, subjectOf, type Trouble } from "./journal.ts";
import { type SagaState, unendedStates } from "./states.ts";
import type { SagaEventTable, SagaTable } from "./tables.ts";

// A subject's history is shown in full; this bounds what one answer reads.
const sagasMax = 1_000;

/** Sagas of one subject, newest first. */
export async function sagasOf(tx: Tx, subject: Subject): Promise<readonly SagaRecord[]> {
  const sagas = await tx
    .selectFrom("sagas")
    .selectAll()
    .where("subject_kind", "=", subject.kind)
    .where("subject_id", "=", subject.id)
    .orderBy("ordinal", "desc")
    .limit(sagasMax)
    .execute();
  return withSteps(tx, sagas);
}

export interface SagaFilter {
  readonly requestId?: string;
  readonly states?: readonly SagaState[];
  readonly subjectId?: string;
  readonly name?: string;
  readonly limit: number;
  /** The last saga of the page before. */
  readonly after?: SagaRecord;
}

/** Sagas of all subjects, newest first. */
export async function listSagas(tx: Tx, filter: SagaFilter): Promise<readonly SagaRecord[]> {
  const { states, subjectId, name, requestId, limit, after } = filter;
  let query = tx.selectFrom("sagas").selectAll().orderBy("created_at", "desc").orderBy("id").limit(limit);
  if (states !== undefined) query = query.where("state", "in", states);
  if (subjectId !== undefined) query = query.where("subject_id", "=", subjectId);
  if (requestId !== undefined) query = query.where("request_id", "=", requestId);
  if (name !== undefined) query = query.where("name", "=", name);
  if (after !== undefined) {
    const { id, startedAt } = after;
    query = query.where((is) =>
      is.or([
        is("created_at", "<", startedAt),
        is.and([is("created_at", "=", startedAt), is("id", ">", id)]),
      ]),
    );
  }
  return withSteps(tx, await query.execute());
}

/**
 * The subjects that have a saga which has not ended or began at `since` or later, or a debt of one. Keys are
 * `kind:id`.
 */
export async function busySubjects(tx: Tx, since: Millis): Promise<ReadonlySet<string>> {
  const sagas = await tx
    .selectFrom("sagas")
    .select(["subject_kind", "subject_id"])
    .where((is) => is.or([is("state", "in", unendedStates), is("created_at", ">=", since)]))
    .execute();
  const debts = await sagaDebts(tx);
  return new Set([...sagas.map(subjectOf), ...debts.map(({ subject }) => subject)].map(laneOf));
}

/** One saga, or null. */
export async function sagaRecord(tx: Tx, id: Uuid): Promise<SagaRecord | null> {
  const sagas = await tx.selectFrom("sagas").selectAll().where("id", "=", id).execute();
  const [record] = await withSteps(tx, sagas);
  return record ?? null;
}

async function withSteps(tx: Tx, sagas: readonly SagaTable[]): Promise<SagaRecord[]> {
  if (sagas.length === 0) return [];
  const ids = sagas.map(({ id }) => id);
  const events = await tx
    .selectFrom("saga_events")
    .selectAll()
    .where("saga_id", "in", ids)
    .orderBy("saga_id")
    .orderBy("n")
    .execute();
  const eventsOf = Map.groupBy(events, ({ saga_id }) => saga_id);
  return sagas.map((saga) => recordOf(saga, eventsOf.get(saga.id) ?? []));
}

function recordOf(saga: SagaTable, events: readonly SagaEventTable[]): SagaRecord {
  return {
    id: saga.id,
    name: saga.name,
    action: saga.action,
    subject: subjectOf(saga),
    request: JSON.parse(saga.request),
    state: saga.state,
    startedAt: saga.created_at,
    updatedAt: Math.max(saga.updated_at, events.at(-1)?.at ?? 0),
    steps: stepsOf(events),
    error: saga.error === null ? null : JSON.parse(saga.error),
    trouble: saga.trouble === null ? null : (JSON.parse(saga.trouble) as Trouble),
    owner: saga.owner,
    leaseUntil: saga.lease_until,
  };
}

function stepsOf(events: readonly SagaEventTable[]): StepRecord[] {
  const steps = new Map<string, StepRecord>();
  for (const event of events) {
    const key = `${event.attempt}/${event.step}`;
    steps.set(key, stepAfter(steps.get(key), event));
  }
  return [...steps.values()];
}

function stepAfter(before: StepRecord | undefined, event: SagaEventTable): StepRecord {
  const begun: StepRecord = before ?? {
    name: event.step,
    attempt: event.attempt,
    startedAt: event.began_at,
    finishedAt: null,
    result: "running",
    error: null,
    spans: [],
  };
  const spans = event.spans === null ? begun.spans : [...begun.spans, ...(JSON.parse(event.spans) as Span[])];
  switch (event.type) {
    case "started":
    case "undoing":
      return begun;
    case "succeeded":
      return { ...begun, spans, finishedAt: event.at, result: "success" };
    case "failed":
      return {
        ...begun,
        spans,
        finishedAt: event.at,
        result: "error",
        error: JSON.parse(event.error ?? "null"),
      };
    case "undone":
      // That a step failed says more than that it was undone afterwards.
      return begun.error === null
        ? { ...begun, spans, finishedAt: event.at, result: "undone" }
        : { ...begun, spans };
  }
}
