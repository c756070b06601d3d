// Signs of life for callers: while their work goes on, those who say how much silence they bear hear a beat
// well within that time. One sleeper serves all; a timer for each call would cost more than the call.
import type { Clock, Millis } from "@micronova/kit";
import type { CallMessage } from "./wire.ts";

const tickMs: Millis = 1_000;
// One beat may be lost; beyond the longest pause more beats only cost.
const beatsPerTimeout = 3;
const pauseMaxMs: Millis = 10_000;

interface Beating {
  readonly pauseMs: Millis;
  dueAt: Millis;
}

export class Beats {
  readonly #clock: Clock;
  readonly #send: (call: CallMessage) => void;
  readonly #calls = new Map<CallMessage, Beating>();
  #isTicking = false;

  constructor(clock: Clock, send: (call: CallMessage) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** A caller without a timeout takes no beats: a Python client would stumble over them. */
  begin(call: CallMessage): void {
    const { _msg_id: id, _timeout: timeout } = call;
    if (id === undefined || typeof timeout !== "number" || timeout <= 0) return;
    const pauseMs = Math.max(tickMs, Math.min((timeout * 1000) / beatsPerTimeout, pauseMaxMs));
    this.#calls.set(call, { pauseMs, dueAt: this.#clock.monotonic() + pauseMs });
    this.#tickLater();
  }

  end(call: CallMessage): void {
    this.#calls.delete(call);
  }

  #tickLater(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    void this.#clock.sleep(tickMs).then(() => {
      this.#isTicking = false;
      const now = this.#clock.monotonic();
      for (const [call, beating] of this.#calls) {
        if (beating.dueAt > now) continue;
        beating.dueAt = now + beating.pauseMs;
        this.#send(call);
      }
      if (this.#calls.size > 0) this.#tickLater();
    });
  }
}
