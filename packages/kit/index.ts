// The words every package speaks.
export { type Clock, isoMicros, isoSeconds, type Millis, sleepUnlessAborted, systemClock } from "./clock.ts";
export { type RequestContext, systemContext } from "./context.ts";
export {
  type ErrorSpec,
  errorTable,
  Fault,
  type FaultMaker,
  faultFromWire,
  faultToWire,
  isFault,
  type WireFault,
} from "./errors.ts";
export { hexId, isUuid, type Uuid } from "./ids.ts";
export { jsonLog, type Log, type LogFields, type LogLevel, silentLog } from "./log.ts";
export { labelsText, type Metrics, metricHead, metricsRegistry } from "./metrics.ts";
export { type PeriodicOptions, periodic } from "./periodic.ts";
export type { Platform, Service } from "./platform.ts";
export { processErrors, type RunOptions, type RunResult, run } from "./process.ts";
export { type Random, seededRandom, systemRandom } from "./random.ts";
export { type Span, SpanCollector, span, spanCollector, spanned } from "./spans.ts";
export { type ActionRule, type StateTable, states } from "./states.ts";
