// One request as one tree: the request itself, the sagas it started, their steps with every try and undo, and
// what each of those did on which host. Put together when asked from what is written down anyway.
import type { Millis, Span } from "@micronova/kit";
import { listSagas, type SagaRecord, type StepRecord } from "@micronova/saga";
import type { Tx } from "@micronova/store";

export interface TraceSpan {
  readonly name: string;
  readonly kind: "request" | "saga" | "step" | "work";
  readonly at: Millis;
  /** Null while it goes on. */
  readonly ms: number | null;
  readonly error: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  readonly spans: readonly TraceSpan[];
}

// A request that made more servers than this shows the first of them.
const sagasMax = 200;

/** Null when nothing is known of the request: reads leave no trace unless they fail or are slow. */
export async function traceOf(tx: Tx, requestId: string): Promise<TraceSpan | null> {
  const row = await tx.selectFrom("requests").selectAll().where("id", "=", requestId).executeTakeFirst();
  const sagas = await listSagas(tx, { requestId, limit: sagasMax });
  if (row === undefined && sagas.length === 0) return null;
  const inOrder = sagas.toSorted((one, other) => one.startedAt - other.startedAt);
  const started = inOrder.map(ofSaga);
  if (row === undefined) return wrapped(requestId, started);
  const { method, path, status, at, ms, spans } = row;
  return {
    name: `${method} ${path}`,
    kind: "request",
    at,
    ms,
    error: status >= 400 ? `answered ${status}` : null,
    attributes: { request_id: requestId, status: String(status) },
    // Written by the request log, as spans.
    spans: [...(JSON.parse(spans) as Span[]).map(ofWork), ...started],
  };
}

/** A request of the cloud's own, or one whose record is not written yet. */
function wrapped(requestId: string, spans: readonly TraceSpan[]): TraceSpan {
  const at = spans[0]?.at ?? 0;
  const attributes = { request_id: requestId };
  return { name: requestId, kind: "request", at, ms: null, error: null, attributes, spans };
}

function ofSaga(saga: SagaRecord): TraceSpan {
  const { id, name, subject, state, startedAt, steps, error, owner } = saga;
  const ends = steps.map(({ finishedAt }) => finishedAt);
  const isOver = state === "finished" || state === "unwound";
  const end = isOver ? Math.max(startedAt, ...ends.map((at) => at ?? startedAt)) : null;
  return {
    name: `${name} of ${subject.kind} ${subject.id}`,
    kind: "saga",
    at: startedAt,
    ms: end === null ? null : end - startedAt,
    error: error?.message ?? null,
    attributes: { saga_id: id, state, ...(owner === null ? {} : { owner }) },
    spans: steps.map(ofStep),
  };
}

function ofStep({ name, attempt, startedAt, finishedAt, result, error, spans }: StepRecord): TraceSpan {
  return {
    name,
    kind: "step",
    at: startedAt,
    ms: finishedAt === null ? null : finishedAt - startedAt,
    error: error?.message ?? null,
    attributes: { attempt: String(attempt), result },
    spans: spans.map(ofWork),
  };
}

function ofWork({ name, at, ms, error, spans }: Span): TraceSpan {
  const inner = (spans ?? []).map(ofWork);
  return { name, kind: "work", at, ms, error: error ?? null, attributes: {}, spans: inner };
}
