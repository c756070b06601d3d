// Calls that wait for an answer, and the one sleeper that watches their silence. A timer for each call would
// cost more than the call.
import type { Clock, Fault, Millis, SpanCollector } from "@micronova/kit";
import { rpcErrors } from "./errors.ts";

export interface WaitingCall {
  readonly target: string;
  readonly method: string;
  readonly timeoutMs: Millis;
  readonly resolve: (result: unknown) => void;
  readonly reject: (fault: Fault) => void;
  /** Who wants to know what took how long on the other side. */
  readonly collector: SpanCollector | null;
}

interface Watched extends WaitingCall {
  /** Monotonic: when silence has lasted too long. */
  dueAt: Millis;
}

export class WaitingCalls {
  readonly #clock: Clock;
  readonly #calls = new Map<string, Watched>();
  #alarm: { readonly at: Millis; readonly off: AbortController } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(id: string, call: WaitingCall): void {
    const dueAt = this.#clock.monotonic() + call.timeoutMs;
    this.#calls.set(id, { ...call, dueAt });
    this.#watch(dueAt);
  }

  /** Takes a call out; null when nobody waits for it any more. */
  take(id: string): WaitingCall | null {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call ?? null;
  }

  /** A sign of life. */
  beat(id: string): void {
    const call = this.#calls.get(id);
    if (call !== undefined) call.dueAt = this.#clock.monotonic() + call.timeoutMs;
  }

  close(): void {
    this.#alarm?.off.abort();
    this.#alarm = null;
    for (const call of this.#calls.values()) call.reject(rpcErrors.closed());
    this.#calls.clear();
  }

  #watch(dueAt: Millis): void {
    if (this.#alarm !== null && this.#alarm.at <= dueAt) return;
    this.#alarm?.off.abort();
    const alarm = { at: dueAt, off: new AbortController() };
    this.#alarm = alarm;
    this.#clock.sleep(dueAt - this.#clock.monotonic(), alarm.off.signal).then(
      () => this.#ring(),
      // Aborted: an earlier alarm took its place, or there is nothing to wait for.
      () => undefined,
    );
  }

  #ring(): void {
    this.#alarm = null;
    const now = this.#clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [id, call] of this.#calls) {
      // A timer may fire a fraction early; a millisecond of patience less does no harm.
      if (call.dueAt > now + 1) {
        next = Math.min(next, call.dueAt);
      } else {
        this.#calls.delete(id);
        call.reject(rpcErrors.timeout(call.target, call.method, call.timeoutMs));
      }
    }
    if (next !== Number.POSITIVE_INFINITY) this.#watch(next);
  }
}
