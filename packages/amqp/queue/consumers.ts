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
  #groups: Group[] = [];
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
    const group = this.#groups.find(({ priority }) => priority === consumer.priority);
    if (group !== undefined) group.members.push(consumer);
    else {
      this.#groups.push({ priority: consumer.priority, members: [consumer], turn: 0 });
      this.#groups.sort((one, other) => other.priority - one.priority);
    }
  }

  remove(consumer: QueueConsumer): void {
    const group = this.#groups.find(({ members }) => members.includes(consumer));
    if (group === undefined) return;
    this.count--;
    if (consumer.isDirect) this.#directCount--;
    // It was alone.
    if (consumer.isExclusive) this.hasExclusive = false;
    group.members.splice(group.members.indexOf(consumer), 1);
    this.#groups = this.#groups.filter(({ members }) => members.length > 0);
    if (this.#active === consumer) this.#active = this.#groups[0]?.members[0] ?? null;
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
