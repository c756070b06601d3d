// What a channel in transactional mode has been told since the last commit: publishes and settlements wait
// here. What was settled is no longer held, so that settling it twice is noticed at once.
import type { Content } from "../content.ts";
import type { Entry } from "../queue/entry.ts";
import type { Settlement } from "./channel.ts";

export interface Settled {
  readonly tag: number;
  readonly entry: Entry;
  readonly how: Settlement;
}

export class Transaction {
  readonly publishes: (readonly [content: Content, mandatory: boolean])[] = [];
  readonly settlements: Settled[] = [];

  clear(): void {
    this.publishes.length = 0;
    this.settlements.length = 0;
  }
}
