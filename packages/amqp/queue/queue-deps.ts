// What a queue needs of the broker around it.
import type { Log, Millis } from "@micronova/kit";
import type { Content } from "../content.ts";
import type { WireForm } from "../wire-form.ts";
import type { MessageQueue } from "./message-queue.ts";
import type { Pager } from "./paged-line.ts";

/** Why a message leaves a queue without having been acknowledged, in the words of `x-death`. */
export type DeathReason = "rejected" | "expired" | "maxlen" | "delivery_limit";

export interface QueueDeps {
  readonly form: WireForm;
  readonly log: Log;
  readonly now: () => Millis;
  /** Asks for a turn to deliver. */
  readonly wake: (queue: MessageQueue) => void;
  /** Asks to be looked at (`tick`) at that time. */
  readonly tickAt: (queue: MessageQueue, at: Millis) => void;
  /**
   * Sends a message that leaves without acknowledgement to where dead letters go. Of its number, unless it is
   * 0, the journal is told when the letter is as safe as the message was.
   */
  readonly deadLetter: (
    queue: MessageQueue,
    content: Content,
    reason: DeathReason,
    journalId: number,
  ) => void;
  /** Where what is beyond memory waits; null when there is no such place. */
  readonly pager: () => Pager | null;
  /** The journal no longer needs the message for this queue. */
  readonly forget: (queue: MessageQueue, journalId: number) => void;
}
