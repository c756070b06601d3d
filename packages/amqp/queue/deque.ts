// A double-ended queue over a ring: a queue's messages leave at the front, and come back there when they are
// returned. The ring is made for the first item: most queues are empty.

const capacityFirst = 16;
// Never written to: a full ring is replaced.
const noItems: never[] = [];

export class Deque<T> {
  #items: (T | undefined)[] = noItems;
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  front(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head];
  }

  push(item: T): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#size) & (this.#items.length - 1)] = item;
    this.#size++;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#size--;
    return item;
  }

  /** Puts an item in before the first that it precedes, looking from the front. */
  insert(item: T, precedes: (item: T, other: T) => boolean): void {
    if (this.#size === this.#items.length) this.#grow();
    const mask = this.#items.length - 1;
    this.#head = (this.#head - 1) & mask;
    this.#size++;
    let at = this.#head;
    for (let moved = 1; moved < this.#size; moved++) {
      const next = (at + 1) & mask;
      // Within the size, every place holds an item.
      const other = this.#items[next] as T;
      if (precedes(item, other)) break;
      this.#items[at] = other;
      at = next;
    }
    this.#items[at] = item;
  }

  clear(): void {
    this.#items = noItems;
    this.#head = 0;
    this.#size = 0;
  }

  #grow(): void {
    const grown: (T | undefined)[] = new Array(Math.max(capacityFirst, this.#items.length * 2));
    for (let at = 0; at < this.#size; at++)
      grown[at] = this.#items[(this.#head + at) & (this.#items.length - 1)];
    this.#items = grown;
    this.#head = 0;
  }
}
