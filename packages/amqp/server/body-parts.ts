// A large body as it comes in. Large pieces are kept where they are; small ones are put together, since a
// body in frames of one byte would otherwise take a hundred times its size.

// A piece of this size mostly fills the chunk that it holds on to.
const keptMin = 4 * 1024;
const gatheredBytes = 64 * 1024;
const nothing = Buffer.alloc(0);

export class BodyParts {
  #parts: Buffer[] = [];
  /** Where small pieces are put together; what lies before `#from` is in the parts. */
  #gathered = nothing;
  #from = 0;
  #at = 0;

  add(bytes: Buffer, start: number, end: number): void {
    if (end - start >= keptMin) {
      this.#keepGathered();
      this.#parts.push(bytes.subarray(start, end));
      return;
    }
    for (let at = start; at < end; ) {
      if (this.#at === this.#gathered.length) this.#gather();
      const count = bytes.copy(this.#gathered, this.#at, at, end);
      this.#at += count;
      at += count;
    }
  }

  /** Hands out what came, and begins anew. */
  take(): readonly Buffer[] {
    this.#keepGathered();
    const parts = this.#parts;
    this.#parts = [];
    this.#gathered = nothing;
    this.#from = 0;
    this.#at = 0;
    return parts;
  }

  #gather(): void {
    this.#keepGathered();
    this.#gathered = Buffer.allocUnsafeSlow(gatheredBytes);
    this.#from = 0;
    this.#at = 0;
  }

  #keepGathered(): void {
    if (this.#at > this.#from) this.#parts.push(this.#gathered.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }
}
