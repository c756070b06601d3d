// Who is next: the consumers of a queue take turns within their priority; those of a lower one get only what
// the higher ones have no room for. With a single active consumer the first stays in charge until it leaves.
import type { QueueConsumer } from "./entry.ts";

interface Group {
  readonly priority: number;
  readonly members: QueueConsumer[];
  turn: number;
}

export class Consumers {
  readonly #isSingleActive: boolean;
  /** The highest priority first. */
  readonly #groups: Group[] = [];
  #active: QueueConsumer | null = null;
  count = 0;
  #directCount = 0;
  hasExclusive = false;

  constructor(isSingleActive: boolean) {
    this.#isSingleActive = isSingleActive;
  }

  get all(): readonly QueueConsumer[] {
    return this.#groups.flatMap((group) => group.members);
  }

  /** Whether all of them may be handed a message on its publisher's stack. */
  get areDirect(): boolean {
    return this.count > 0 && this.#directCount === this.count;
  }

  add(consumer: QueueConsumer): void {
    this.count++;
    if (consumer.isDirect) this.#directCount++;
    if (consumer.isExclusive) this.hasExclusive = true;
    this.#active ??= consumer;
    const { priority } = consumer;
    const at = this.#placeOf(priority);
    const group = this.#groups[at];
    if (group?.priority === priority) group.members.push(consumer);
    else this.#groups.splice(at, 0, { priority, members: [consumer], turn: 0 });
  }

  remove(consumer: QueueConsumer): void {
    const place = this.#placeOf(consumer.priority);
    const group = this.#groups[place];
    const at = group?.members.indexOf(consumer) ?? -1;
    if (group === undefined || at === -1) return;
    this.count--;
    if (consumer.isDirect) this.#directCount--;
    // It was alone.
    if (consumer.isExclusive) this.hasExclusive = false;
    group.members.splice(at, 1);
    if (group.members.length === 0) this.#groups.splice(place, 1);
    if (this.#active === consumer) this.#active = this.#groups[0]?.members[0] ?? null;
  }

  /** Where the group of a priority is, or would be. Any client chooses any, so there may be many. */
  #placeOf(priority: number): number {
    let [from, to] = [0, this.#groups.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#groups[middle]!.priority > priority) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  isActive(consumer: QueueConsumer): boolean {
    return !this.#isSingleActive || this.#active === consumer;
  }

  /** The consumer whose turn it is among those with room. */
  next(): QueueConsumer | null {
    if (this.#isSingleActive) return this.#active?.hasRoom === true ? this.#active : null;
    for (const group of this.#groups) {
      const { members } = group;
      for (let tried = 0; tried < members.length; tried++) {
        if (group.turn >= members.length) group.turn = 0;
        const consumer = members[group.turn++]!;
        if (consumer.hasRoom) return consumer;
      }
    }
    return null;
  }
}
