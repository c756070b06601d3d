// Reads AMQP's primitive types out of one frame's payload. What runs over the end is a syntax error of the
// peer's, never a crash of ours.
import { isUtf8 } from "node:buffer";
import { ReplyError } from "./reply-codes.ts";

export class Reader {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;

  /** Names that are no UTF-8 are refused: written again they would be others, and longer ones. */
  readonly #isStrict: boolean;

  constructor(bytes: Buffer, start = 0, end = bytes.length, isStrict = false) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.#isStrict = isStrict;
  }

  /** For what a client of ours has sent. */
  static strict(bytes: Buffer, start = 0, end = bytes.length): Reader {
    return new Reader(bytes, start, end, true);
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Moves over so many bytes and says where they began. */
  pass(count: number): number {
    const start = this.at;
    if (count > this.end - start) throw truncated();
    this.at = start + count;
    return start;
  }

  octet(): number {
    return this.bytes[this.pass(1)]!;
  }

  short(): number {
    return this.bytes.readUInt16BE(this.pass(2));
  }

  long(): number {
    return this.bytes.readUInt32BE(this.pass(4));
  }

  /** As a number: tags and sizes never reach 2^53. */
  longlong(): number {
    return this.long() * 4_294_967_296 + this.long();
  }

  shortstr(): string {
    const from = this.at + 1;
    const text = this.looseShortstr();
    if (this.#isStrict && text.includes("\uFFFD") && !isUtf8(this.bytes.subarray(from, this.at)))
      throw new ReplyError("SYNTAX_ERROR", "a name is not UTF-8");
    return text;
  }

  /** For what is passed on as the bytes that it is. */
  looseShortstr(): string {
    const size = this.octet();
    const start = this.pass(size);
    return this.bytes.toString("utf8", start, start + size);
  }

  /** As a number that may be too large for one. */
  bigLonglong(): number | bigint {
    const value = this.bytes.readBigUInt64BE(this.pass(8));
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  /** A copy, so that what is kept does not hold the whole chunk. */
  longstr(): Buffer {
    const size = this.long();
    const start = this.pass(size);
    return Buffer.from(this.bytes.subarray(start, start + size));
  }
}

function truncated(): ReplyError {
  return new ReplyError("SYNTAX_ERROR", "a field runs over the end of its frame");
}
