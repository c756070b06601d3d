// Writes AMQP's primitive types into a buffer that grows.

const sizeFirst = 256;

export class Writer {
  bytes: Buffer;
  at = 0;

  constructor(size = sizeFirst) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  /** What was written so far; the buffer remains the writer's. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.at);
  }

  /** Makes room for so many bytes and says where they begin. It may replace `bytes`: call it first. */
  reserve(count: number): number {
    const start = this.at;
    if (start + count > this.bytes.length) this.#grow(start + count);
    this.at = start + count;
    return start;
  }

  octet(value: number): void {
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  short(value: number): void {
    const at = this.reserve(2);
    this.bytes.writeUInt16BE(value, at);
  }

  long(value: number): void {
    const at = this.reserve(4);
    this.bytes.writeUInt32BE(value, at);
  }

  longlong(value: number): void {
    this.long(Math.floor(value / 4_294_967_296));
    this.long(value % 4_294_967_296);
  }

  shortstr(value: string): void {
    const size = Buffer.byteLength(value);
    if (size > 255) throw new RangeError(`'${value.slice(0, 40)}…' is longer than 255 bytes`);
    this.octet(size);
    const at = this.reserve(size);
    this.bytes.write(value, at);
  }

  longstr(value: Uint8Array | string): void {
    const size = typeof value === "string" ? Buffer.byteLength(value) : value.length;
    this.long(size);
    const start = this.reserve(size);
    if (typeof value === "string") this.bytes.write(value, start);
    else this.bytes.set(value, start);
  }

  raw(value: Uint8Array): void {
    const at = this.reserve(value.length);
    this.bytes.set(value, at);
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }
}
