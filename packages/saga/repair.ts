// What a doctor works with beside the invariants: inspections, which ask hosts what they really have and hold
// it against the tables, and repairs, which mend by starting a saga, never by hand. Packages that have hosts
// or sagas have both.
import type { RequestContext, Uuid } from "@micronova/kit";
import type { Rpc } from "@micronova/rpc";
import type { Store, Tx, Violation } from "@micronova/store";
import type { Sagas } from "./index.ts";

export interface Inspection {
  /** The rule as a clause, as an invariant's. */
  readonly name: string;
  inspect(deps: InspectionDeps): Promise<Inspected>;
}

export interface InspectionDeps {
  readonly store: Pick<Store, "read">;
  readonly rpc: Rpc;
  readonly request: RequestContext;
}

export interface Inspected {
  readonly violations: readonly Violation[];
  /** Hosts that did not answer, of which nothing is known: `compute.h1` and why. */
  readonly unanswered: readonly { readonly host: string; readonly why: string }[];
}

export interface Repair {
  /** What it will do, as a sentence that a dry run shows. */
  readonly what: string;
  /**
   * Whether the cloud may start it by itself. Not when what is wrong may pass by other means (a host whose
   * disks are not mounted yet), or when what goes is data.
   */
  readonly isAutomatic: boolean;
  /** Starts it; null when there is nothing to mend any more. */
  start(
    tx: Tx,
    deps: { readonly sagas: Sagas; readonly request: RequestContext },
    violation: Violation,
  ): Promise<Uuid | null>;
}

/** By the name of the invariant or inspection whose violations it mends. */
export type Repairs = Readonly<Record<string, Repair>>;
