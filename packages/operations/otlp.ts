// Traces for who collects them elsewhere: sent as OpenTelemetry's OTLP over HTTP, in its JSON form, once
// nothing of a request goes on any more. Best effort: a collector that is away misses what was sent
// meanwhile, and nothing here waits for it; the traces themselves stay.
import { createHash } from "node:crypto";
import { type Millis, type Platform, type Service, sleepUnlessAborted } from "@micronova/kit";
import type { Store } from "@micronova/store";
import { type TraceSpan, traceOf } from "./trace.ts";

export interface OtlpDeps {
  readonly platform: Platform;
  readonly store: Store;
  /** Of the collector's traces: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Takes a body to the collector; rejects when it did not take it. */
  readonly send?: (url: string, body: string) => Promise<void>;
}

const everyMs: Millis = 5_000;
// The record of a request is written within half a second of its answer.
const settledMs: Millis = 2_000;
const batchMax = 200;
// What goes on for longer is sent as far as it got.
const patienceMs: Millis = 600_000;
const pendingMax = 5_000;
const sendWithinMs: Millis = 10_000;

export function otlpExporter(deps: OtlpDeps): Service {
  const ending = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    name: "otlp-exporter",
    async start() {
      running = new Exporter(deps).run(ending.signal);
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}

class Exporter {
  readonly #deps: OtlpDeps;
  /** Requests of which something goes on, and when they were answered. */
  readonly #pending = new Map<string, Millis>();
  #seenUntil: Millis;

  constructor(deps: OtlpDeps) {
    this.#deps = deps;
    this.#seenUntil = deps.platform.clock.now();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps.platform;
    while (!signal.aborted) {
      await sleepUnlessAborted(clock, everyMs, signal);
      if (signal.aborted) return;
      try {
        await this.#look();
        await this.#export();
      } catch (error) {
        log.warn({ error, url: this.#deps.url }, "traces could not be exported");
      }
    }
  }

  /** Notes what was answered since the last look. */
  async #look(): Promise<void> {
    const until = this.#deps.platform.clock.now() - settledMs;
    const rows = await this.#deps.store.read
      .selectFrom("requests")
      .select(["id", "at"])
      .where("at", ">", this.#seenUntil)
      .where("at", "<=", until)
      .orderBy("at")
      .limit(pendingMax - this.#pending.size)
      .execute();
    for (const { id, at } of rows) this.#pending.set(id, at);
    this.#seenUntil = rows.at(-1)?.at ?? Math.max(this.#seenUntil, until);
  }

  async #export(): Promise<void> {
    const { platform, store, url, send = post } = this.#deps;
    const traces: TraceSpan[] = [];
    for (const [id, at] of [...this.#pending]) {
      if (traces.length === batchMax) break;
      const trace = await traceOf(store.read, id);
      const isLate = platform.clock.now() - at > patienceMs;
      if (trace !== null && !isLate && goesOn(trace)) continue;
      this.#pending.delete(id);
      if (trace !== null) traces.push(trace);
    }
    if (traces.length === 0) return;
    await send(url, otlpBody(traces));
    platform.metrics.count("micronova_traces_exported_total", {}, traces.length);
  }
}

function goesOn({ ms, spans }: TraceSpan): boolean {
  return ms === null || spans.some(goesOn);
}

async function post(url: string, body: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, {
    method: "POST",
    headers,
    body,
    signal: AbortSignal.timeout(sendWithinMs),
  });
  if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly object[];
  readonly status: { readonly code: number; readonly message?: string };
}

/** The request's export, as OTLP's JSON form has it. */
export function otlpBody(traces: readonly TraceSpan[]): string {
  const spans = traces.flatMap((trace) => {
    const requestId = trace.attributes["request_id"] ?? trace.name;
    const traceId = requestId.replace(/^req-/, "").replaceAll("-", "").padStart(32, "0").slice(0, 32);
    return flat(trace, { traceId, parent: "", path: requestId });
  });
  const resource = { attributes: [attribute("service.name", "micronova")] };
  return JSON.stringify({
    resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "micronova" }, spans }] }],
  });
}

// OTLP's numbers for what kind of work a span is, and how it ended.
const kinds: Readonly<Record<TraceSpan["kind"], number>> = { request: 2, saga: 1, step: 1, work: 1 };
const statusOk = 1;
const statusError = 2;

function flat(
  span: TraceSpan,
  at: { readonly traceId: string; readonly parent: string; readonly path: string },
): OtlpSpan[] {
  const spanId = createHash("sha256").update(at.path).digest("hex").slice(0, 16);
  const end = span.at + (span.ms ?? 0);
  const own: OtlpSpan = {
    traceId: at.traceId,
    spanId,
    parentSpanId: at.parent,
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: nanos(span.at),
    endTimeUnixNano: nanos(end),
    attributes: Object.entries(span.attributes).map(([key, value]) => attribute(key, value)),
    status: span.error === null ? { code: statusOk } : { code: statusError, message: span.error },
  };
  const inner = span.spans.flatMap((one, n) =>
    flat(one, { traceId: at.traceId, parent: spanId, path: `${at.path}/${n}` }),
  );
  return [own, ...inner];
}

function attribute(key: string, value: string): object {
  return { key, value: { stringValue: value } };
}

/** Nanoseconds since the epoch do not fit a number: OTLP's JSON has them as text. */
function nanos(at: Millis): string {
  return String(BigInt(Math.round(at * 1_000)) * 1_000n);
}
