// What must always hold of the tables, as queries: tests, the simulator, `micronova doctor` and a timer of a
// running cloud ask the same ones. Each package says what must hold of the tables it owns.
import type { Tx } from "./index.ts";

/** What a violation is about; a saga's subject has the same form. */
export interface Concern {
  /** `server`, `volume`, `port`, `image`, `provider` … */
  readonly kind: string;
  readonly id: string;
  /** The host on which it is so, where that is not plain from the thing itself. */
  readonly host?: string;
}

export interface Violation {
  /** A sentence that names the thing and what is wrong with it. */
  readonly text: string;
  /** While something is under way on it, the violation may be passing. */
  readonly about: Concern;
}

export interface Invariant {
  /** The rule as a clause: `every address belongs to a living port`. Names are unique in a cloud. */
  readonly name: string;
  find(tx: Tx): Promise<readonly Violation[]>;
}
