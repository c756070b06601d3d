// Confirms of one channel, in the order of its publishes: cumulative, one for all that a turn settled. A
// persistent message's waits for the disk, and those behind it wait with it.
import type { Journal } from "../virtual-host-deps.ts";
import type { Channel } from "./channel.ts";

export class Confirms {
  readonly #channel: Channel;
  readonly #journal: Journal | null;
  /** The last publish that waits for each batch, and how many do. */
  readonly #waiting = new Map<number, { last: number; count: number }>();
  #published = 0;
  /** The last that may be confirmed, and how many may be that are not. */
  #settled = 0;
  #settledCount = 0;
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
    let count = this.#settledCount;
    for (const waiting of this.#waiting.values()) count += waiting.count;
    return count;
  }

  /** The next publish was taken; `batch` is what it waits for, 0 for nothing. */
  taken(batch: number): void {
    const tag = ++this.#published;
    if (batch > this.#batch && this.#journal !== null) {
      this.#batch = batch;
      this.#journal.whenSafe(batch, () => this.#synced(batch));
    }
    if (this.#batch === 0) this.#settle(tag, 1);
    else {
      const waiting = this.#waiting.get(this.#batch);
      if (waiting === undefined) this.#waiting.set(this.#batch, { last: tag, count: 1 });
      else {
        waiting.last = tag;
        waiting.count++;
      }
    }
  }

  refused(): void {
    const tag = ++this.#published;
    this.#flush();
    const { output, number } = this.#channel;
    output.method(number, "basic.nack", { deliveryTag: tag, multiple: false, requeue: false });
  }

  #synced(batch: number): void {
    const waiting = this.#waiting.get(batch);
    this.#waiting.delete(batch);
    if (this.#batch === batch) this.#batch = 0;
    if (waiting !== undefined) this.#settle(waiting.last, waiting.count);
  }

  #settle(tag: number, count: number): void {
    this.#settled = tag;
    this.#settledCount += count;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#channel.output.beforeFlush(this.#say);
  }

  #flush(): void {
    this.#isScheduled = false;
    const count = this.#settledCount;
    if (this.isClosed || count === 0) return;
    this.#settledCount = 0;
    const { output, number, stats } = this.#channel;
    stats.confirm += count;
    output.method(number, "basic.ack", { deliveryTag: this.#settled, multiple: count > 1 });
  }
}
