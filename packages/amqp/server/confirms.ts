// Confirms of one channel, in the order of its publishes: cumulative, one for all that a turn settled. A
// persistent message's waits for the disk, and those behind it wait with it.
import type { Journal } from "../virtual-host-deps.ts";
import type { Channel } from "./channel.ts";

export class Confirms {
  readonly #channel: Channel;
  readonly #journal: Journal | null;
  /** The last publish that waits for each batch. */
  readonly #lastOf = new Map<number, number>();
  #published = 0;
  /** The last that was confirmed or refused. */
  #confirmed = 0;
  /** The last that may be confirmed. */
  #settled = 0;
  /** The last batch that something waits for; 0 when nothing does. */
  #batch = 0;
  #isScheduled = false;
  readonly #say = () => this.#flush();
  isClosed = false;

  constructor(channel: Channel, journal: Journal | null) {
    this.#channel = channel;
    this.#journal = journal;
  }

  /** How many publishes wait to be confirmed. */
  get waitingCount(): number {
    return this.#published - this.#confirmed;
  }

  /** The next publish was taken; `batch` is what it waits for, 0 for nothing. */
  taken(batch: number): void {
    const tag = ++this.#published;
    if (batch > this.#batch && this.#journal !== null) {
      this.#batch = batch;
      this.#journal.whenSynced(batch, () => this.#synced(batch));
    }
    if (this.#batch > 0) {
      this.#lastOf.set(this.#batch, tag);
    } else {
      this.#settled = tag;
      this.#schedule();
    }
  }

  refused(): void {
    const tag = ++this.#published;
    this.#flush();
    const { output, number } = this.#channel;
    output.method(number, "basic.nack", { deliveryTag: tag, multiple: false, requeue: false });
    if (this.#batch > 0) this.#lastOf.set(this.#batch, tag);
    else {
      this.#settled = tag;
      this.#confirmed = tag;
    }
  }

  #synced(batch: number): void {
    this.#settled = Math.max(this.#settled, this.#lastOf.get(batch) ?? 0);
    this.#lastOf.delete(batch);
    if (this.#batch === batch) this.#batch = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#channel.output.beforeFlush(this.#say);
  }

  #flush(): void {
    this.#isScheduled = false;
    const tag = this.#settled;
    if (this.isClosed || tag <= this.#confirmed) return;
    const count = tag - this.#confirmed;
    this.#confirmed = tag;
    const { output, number, stats } = this.#channel;
    stats.confirm += count;
    output.method(number, "basic.ack", { deliveryTag: tag, multiple: count > 1 });
  }
}
