// What a filter is, and what it says of a host that it turns away.
import type { HostState } from "./host-state.ts";
import type { RequestSpec } from "./request-spec.ts";

export interface Reason {
  /** For an operator, of one host: `3512 MB of memory free, 4096 MB wanted`. */
  readonly text: string;
  /** Completes `3 hosts …`, for whoever asked: `short of memory`. The same for all hosts of one cause. */
  readonly cause: string;
  readonly wanted: number | string | null;
  readonly available: number | string | null;
  /** Of `wanted` and `available`: `MB`. */
  readonly unit: string | null;
}

/** `null` when the host passes; otherwise why not, in words an operator understands. */
export interface Filter {
  readonly name: string;
  reject(host: HostState, request: RequestSpec): Reason | null;
}

/** A reason without amounts. */
export function plainReason(text: string, cause: string): Reason {
  return { text, cause, wanted: null, available: null, unit: null };
}

/** A reason that is a shortage: `short of memory, need 4096 MB, best has 1024 MB`. */
export function shortage(
  what: string,
  amounts: { readonly wanted: number; readonly available: number; readonly unit: string },
): Reason {
  const { wanted, available, unit } = amounts;
  return {
    text: `${available} ${unit} of ${what} free, ${wanted} ${unit} wanted`,
    cause: `short of ${what}`,
    ...amounts,
  };
}
