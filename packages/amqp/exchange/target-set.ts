// The targets of a route, each once. Most routes have one or two; some have a hundred thousand.

// As many are looked through as fast as a set finds one.
const fewMax = 16;

export class TargetSet<T> {
  #all: readonly T[] = [];
  /** Null while there are few; `#all` is then made anew when somebody asks. */
  #many: Set<T> | null = null;
  #isStale = false;

  get isEmpty(): boolean {
    return this.#many === null ? this.#all.length === 0 : this.#many.size === 0;
  }

  /** Not changed by what comes later. */
  get all(): readonly T[] {
    if (this.#isStale && this.#many !== null) this.#all = [...this.#many];
    this.#isStale = false;
    return this.#all;
  }

  add(target: T): void {
    if (this.#many === null) {
      if (this.#all.includes(target)) return;
      this.#all = [...this.#all, target];
      if (this.#all.length > fewMax) this.#many = new Set(this.#all);
    } else {
      this.#many.add(target);
      this.#isStale = true;
    }
  }

  delete(target: T): void {
    if (this.#many === null) this.#all = this.#all.filter((other) => other !== target);
    else {
      this.#many.delete(target);
      this.#isStale = true;
    }
  }
}
