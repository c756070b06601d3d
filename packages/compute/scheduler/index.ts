// The scheduler's door: pure functions over plain data.
export { defaultPolicy } from "./defaults.ts";
export type { Filter, Reason } from "./filter.ts";
export type { HostLoad, HostState } from "./host-state.ts";
export type { Policy } from "./policy.ts";
export { refusal, refusalReason } from "./refusal.ts";
export type { RequestSpec } from "./request-spec.ts";
export { explain, type RankedHost, type Rejection, type Selection, select } from "./select.ts";
export type { Weigher } from "./weigher.ts";
