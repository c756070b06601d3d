// Who waits for batches of messages to be on disk, or to be safe: a message that every queue has done with
// needs no disk, so its producer need not wait for one, as with RabbitMQ.

interface Batch {
  readonly number: number;
  /** The number of its first message; later batches have higher ones. */
  readonly first: number;
  /** How many times its messages are needed by a queue. */
  needs: number;
}

interface Waiting {
  readonly batch: number;
  readonly then: () => void;
}

export class Batches {
  /** Those that are neither on disk nor done with, oldest first. */
  readonly #unsafe: Batch[] = [];
  #untilSafe: Waiting[] = [];
  #untilSynced: Waiting[] = [];

  /** A message comes into the newest batch; `first` is its number, or what the next will have if it was moved. */
  add(number: number, first: number, needs: number): void {
    const newest = this.#unsafe.at(-1);
    if (newest?.number === number) newest.needs += needs;
    else this.#unsafe.push({ number, first, needs });
  }

  /** A queue has done with a message. */
  settled(id: number): void {
    const batch = this.#unsafe.findLast(({ first }) => first <= id);
    if (batch === undefined) return;
    batch.needs--;
    while (this.#unsafe[0]?.needs === 0) this.#safe(this.#unsafe.shift()!.number);
  }

  /** Calls back once the batch and those before it are on disk, or done with; at once when they are. */
  whenSafe(batch: number, then: () => void): void {
    const oldest = this.#unsafe[0];
    if (oldest === undefined || oldest.number > batch) then();
    else this.#untilSafe.push({ batch, then });
  }

  whenSynced(batch: number, then: () => void): void {
    this.#untilSynced.push({ batch, then });
  }

  synced(number: number): void {
    while (this.#unsafe[0] !== undefined && this.#unsafe[0].number <= number) this.#unsafe.shift();
    this.#safe(number);
    const ready = this.#untilSynced.filter(({ batch }) => batch <= number);
    this.#untilSynced = this.#untilSynced.filter(({ batch }) => batch > number);
    for (const { then } of ready) then();
  }

  #safe(number: number): void {
    if (this.#untilSafe.length === 0) return;
    const ready = this.#untilSafe.filter(({ batch }) => batch <= number);
    this.#untilSafe = this.#untilSafe.filter(({ batch }) => batch > number);
    for (const { then } of ready) then();
  }
}
