// What a channel in transactional mode has been told since the last commit: publishes and settlements wait
// here.
import type { Content } from "../content.ts";
import type { Settlement } from "./channel.ts";

export class Transaction {
  readonly publishes: (readonly [content: Content, mandatory: boolean])[] = [];
  readonly settlements: (readonly [tag: number, how: Settlement])[] = [];

  clear(): void {
    this.publishes.length = 0;
    this.settlements.length = 0;
  }
}
