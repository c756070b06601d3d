// When queues act: in turns of the microtask queue when woken, and at times when something in them is due.
import type { Millis, Platform } from "@micronova/kit";
import { Heap } from "./heap.ts";
import type { MessageQueue } from "./message-queue.ts";

interface Due {
  readonly queue: MessageQueue;
  readonly at: Millis;
}

// A queue's share of one turn: long enough to be cheap, short enough that others are not kept waiting.
const deliveriesATurn = 256;
// Times closer than this are dealt with together.
const tickMs: Millis = 5;
// Longer times are asked for in steps: timers count no further than 25 days.
const sleepMaxMs: Millis = 3_600_000;
// Times that were brought forward leave their old entry behind; so many are not worth clearing out.
const staleMin = 1_024;

export class Turns {
  readonly #platform: Platform;
  /** Looks at a queue whose time has come. */
  readonly #tick: (queue: MessageQueue) => void;
  #woken = new Set<MessageQueue>();
  /** When each queue is due; of the heap's entries only those that say the same count. */
  readonly #due = new Map<MessageQueue, Millis>();
  #heap = dueHeap();
  #nextTick = Number.POSITIVE_INFINITY;
  #sleeping: AbortController | null = null;
  #isClosed = false;

  /** `closing` aborts when the broker closes: then nothing is due any more. */
  constructor(platform: Platform, closing: AbortSignal, tick: (queue: MessageQueue) => void) {
    this.#platform = platform;
    this.#tick = tick;
    closing.addEventListener("abort", () => {
      this.#isClosed = true;
      this.#sleeping?.abort();
    });
  }

  wake(queue: MessageQueue): void {
    if (this.#woken.size === 0) queueMicrotask(() => this.#turn());
    this.#woken.add(queue);
  }

  tickAt(queue: MessageQueue, at: Millis): void {
    const due = this.#due.get(queue);
    if (due !== undefined && due <= at) return;
    this.#due.set(queue, at);
    this.#heap.push({ queue, at });
    if (this.#heap.size > 2 * this.#due.size + staleMin) this.#clearOut();
    this.#sleepUntil(at);
  }

  forget(queue: MessageQueue): void {
    this.#due.delete(queue);
    this.#woken.delete(queue);
  }

  /** One turn: every queue that has work delivers its share. What is woken meanwhile has the next turn. */
  #turn(): void {
    const queues = this.#woken;
    this.#woken = new Set();
    for (const queue of queues) {
      if (!queue.isGone && queue.deliver(deliveriesATurn)) this.wake(queue);
    }
  }

  #sleepUntil(at: Millis): void {
    if (at >= this.#nextTick || this.#isClosed) return;
    this.#nextTick = at;
    this.#sleeping?.abort();
    const sleeping = new AbortController();
    this.#sleeping = sleeping;
    const ms = Math.min(sleepMaxMs, Math.max(tickMs, at - this.#platform.clock.now()));
    void this.#platform.clock.sleep(ms, sleeping.signal).then(
      () => this.#tickDue(),
      // Aborted: an earlier time is slept for, or the broker is closed.
      () => undefined,
    );
  }

  #tickDue(): void {
    this.#nextTick = Number.POSITIVE_INFINITY;
    this.#sleeping = null;
    const now = this.#platform.clock.now();
    const due: Due[] = [];
    for (let next = this.#heap.front(); next !== undefined && next.at <= now; next = this.#heap.front()) {
      this.#heap.shift();
      if (this.#due.get(next.queue) !== next.at) continue;
      this.#due.delete(next.queue);
      due.push(next);
    }
    for (const { queue } of due) this.#tick(queue);
    const next = this.#heap.front();
    if (next !== undefined) this.#sleepUntil(next.at);
  }

  #clearOut(): void {
    this.#heap = dueHeap();
    for (const [queue, at] of this.#due) this.#heap.push({ queue, at });
  }
}

function dueHeap(): Heap<Due> {
  return new Heap<Due>((one, other) => one.at < other.at);
}
