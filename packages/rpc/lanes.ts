// One lane per subject: calls on it run one after another, in the order they came. And only so many run at a
// time: a call that waits for its lane holds no place.

export class Lanes {
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Runs `work` after everything before it in its lane, if it has one. `work` must not reject. */
  async run<T>(subject: string | null, work: () => Promise<T>): Promise<T> {
    if (subject === null) return this.#inPlace(work);
    const before = this.#tails.get(subject);
    const mine = before === undefined ? this.#inPlace(work) : before.then(() => this.#inPlace(work));
    this.#tails.set(subject, mine);
    const result = await mine;
    if (this.#tails.get(subject) === mine) this.#tails.delete(subject);
    return result;
  }

  async #inPlace<T>(work: () => Promise<T>): Promise<T> {
    // Whoever ends hands its place over.
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    const result = await work();
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
    return result;
  }
}
