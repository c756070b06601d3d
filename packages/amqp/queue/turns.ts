// When queues act: in turns of the microtask queue when woken, and at times when something in them is due.
import type { Millis, Platform } from "@micronova/kit";
import type { MessageQueue } from "./message-queue.ts";

// A queue's share of one turn: long enough to be cheap, short enough that others are not kept waiting.
const deliveriesATurn = 256;
// Times closer than this are dealt with together.
const tickMs: Millis = 5;

export class Turns {
  readonly #platform: Platform;
  /** Aborts when the broker closes: then nothing is due any more. */
  readonly #closing: AbortSignal;
  /** Looks at a queue whose time has come. */
  readonly #tick: (queue: MessageQueue) => void;
  #woken = new Set<MessageQueue>();
  readonly #due = new Map<MessageQueue, Millis>();
  #nextTick = Number.POSITIVE_INFINITY;

  constructor(platform: Platform, closing: AbortSignal, tick: (queue: MessageQueue) => void) {
    this.#platform = platform;
    this.#closing = closing;
    this.#tick = tick;
  }

  wake(queue: MessageQueue): void {
    if (this.#woken.size === 0) queueMicrotask(() => this.#turn());
    this.#woken.add(queue);
  }

  tickAt(queue: MessageQueue, at: Millis): void {
    const due = this.#due.get(queue);
    if (due === undefined || at < due) this.#due.set(queue, at);
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
    if (at >= this.#nextTick) return;
    this.#nextTick = at;
    const now = this.#platform.clock.now();
    const due = () => {
      if (this.#nextTick === at) this.#nextTick = Number.POSITIVE_INFINITY;
      this.#tickDue();
    };
    const sleep = this.#platform.clock.sleep(Math.max(tickMs, at - now), this.#closing);
    // Aborted: the broker is closed.
    void sleep.then(due, () => undefined);
  }

  #tickDue(): void {
    const now = this.#platform.clock.now();
    for (const [queue, at] of [...this.#due]) {
      if (at > now) continue;
      this.#due.delete(queue);
      this.#tick(queue);
    }
    let next = Number.POSITIVE_INFINITY;
    for (const at of this.#due.values()) next = Math.min(next, at);
    if (next !== Number.POSITIVE_INFINITY) this.#sleepUntil(next);
  }
}
