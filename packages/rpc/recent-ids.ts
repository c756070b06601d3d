// A bounded memory of message ids, to ignore a message that the bus repeats. Two generations: when the
// younger is full the older is forgotten, so an id is remembered for at least so many that come after it.

const generationSize = 20_000;

export class RecentIds {
  #young = new Set<string>();
  #old = new Set<string>();

  /** Remembers the id; false when it was known. */
  add(id: string): boolean {
    if (this.#young.has(id) || this.#old.has(id)) return false;
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(id);
    return true;
  }
}
