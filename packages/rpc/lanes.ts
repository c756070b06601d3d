// One lane per subject: calls on it run one after another, in the order they came.

export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` after everything before it in its lane. `work` must not reject. */
  run(subject: string, work: () => Promise<void>): Promise<void> {
    const before = this.#tails.get(subject);
    const mine = before === undefined ? work() : before.then(work);
    this.#tails.set(subject, mine);
    return mine.then(() => {
      if (this.#tails.get(subject) === mine) this.#tails.delete(subject);
    });
  }
}
