// One transaction on its way through an engine: what its caller asked for, and what became of it.
import assert from "node:assert/strict";
import type { Log, Platform } from "@micronova/kit";
import type { Tx } from "./index.ts";
import { setContext } from "./tx-context.ts";

export interface Job {
  /** Whose time and chance the work has. */
  readonly platform: Platform;
  readonly work: (tx: Tx) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a job; told to its caller once the group is committed. */
export type Result = { readonly job: Job; readonly hooks: readonly (() => void)[] } & (
  | { readonly value: unknown }
  | { readonly error: unknown }
);

export const awaitedOther =
  "a transaction awaited something other than its own queries; do that before the transaction or after it";

/** One run of a job's work: its hooks, and whether it has ended. */
export class Run {
  readonly hooks: (() => void)[] = [];
  hasEnded = false;

  /** Throws when the work is over. */
  check(): void {
    assert(!this.hasEnded, "a transaction was used after it had ended");
  }

  /** Gives the queries the time and chance of the job's platform. */
  begin(tx: Tx, { clock, random }: Platform): Tx {
    const now = clock.now();
    setContext(tx, {
      now: () => now,
      newId: () => random.uuid(),
      afterCommit: (then) => {
        this.check();
        this.hooks.push(then);
      },
    });
    return tx;
  }
}

/** Runs what was to be done after the commit, and lets the caller know. */
export function tell(result: Result, log: Log): void {
  if ("error" in result) {
    result.job.reject(result.error);
    return;
  }
  for (const hook of result.hooks) {
    try {
      hook();
    } catch (error) {
      // The transaction stands whatever a hint to others does.
      log.error({ error }, "a hook after commit failed");
    }
  }
  result.job.resolve(result.value);
}
