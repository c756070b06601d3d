// One request's tree, by its id.
import { routesOf } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { errors } from "../errors.ts";
import type { OperationsDeps } from "../service.ts";
import { type TraceSpan, traceOf } from "../trace.ts";

const route = routesOf<OperationsDeps>();

export const showTrace = route({
  method: "GET",
  path: "/traces/:request_id",
  policy: "operations:traces:show",
  success: 200,
  summary: "Shows what became of a request: its sagas, their steps, and what each did on which host.",
  async handle({ params }, { store }) {
    const trace = await traceOf(store.read, params["request_id"]!);
    if (trace === null) throw errors.traceNotFound(params["request_id"]!);
    return { trace: view(trace) };
  },
});

function view({ at, ms, spans, ...span }: TraceSpan): object {
  const rounded = ms === null ? null : Math.round(ms * 1000) / 1000;
  return { ...span, started_at: isoMicros(at), duration_ms: rounded, spans: spans.map(view) };
}
