// What a virtual host needs from around it; the journal is there only when something must outlive the broker.
import type { Platform } from "@micronova/kit";
import type { Content } from "./content.ts";
import type { Pager } from "./queue/paged-line.ts";
import type { ChurnStats } from "./statistics.ts";
import type { WireForm } from "./wire-form.ts";

export interface VirtualHostDeps {
  readonly platform: Platform;
  readonly form: WireForm;
  /** Aborts when the broker closes. */
  readonly closing: AbortSignal;
  /** Where long queues are paged to, by now. */
  readonly pager: () => Pager | null;
  readonly churn: ChurnStats;
}

export interface Journal {
  /** The batch that what is added now belongs to. */
  readonly batch: number;
  /** Writes a message down for the queues of those numbers; returns its own. */
  add(content: Content, queues: readonly number[]): number;
  /** Whether so much awaits the disk that publishers should wait too. */
  readonly isBehind: boolean;
  /** A queue no longer needs a message, once the batch `after` is safe if there is one. */
  settled(queue: number, id: number, after?: number): void;
  /** Writes down what was settled or deleted so far, before a client hears of anything that came later. */
  readonly writeDown: () => void;
  /** Calls back once the batch and those before it are on disk, or no queue needs them any more. */
  whenSafe(batch: number, then: () => void): void;
  /** Calls back once the batch is on disk. */
  whenSynced(batch: number, then: () => void): void;
}
