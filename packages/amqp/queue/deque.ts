// First in, first out, over a ring. The ring is made for the first item: most queues are empty.

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

  #grow(): void {
    const grown: (T | undefined)[] = new Array(Math.max(capacityFirst, this.#items.length * 2));
    for (let at = 0; at < this.#size; at++)
      grown[at] = this.#items[(this.#head + at) & (this.#items.length - 1)];
    this.#items = grown;
    this.#head = 0;
  }
}
