// Cuts a byte stream into frames, however it was chunked. It indexes into the chunks: no object is made for a
// frame. Bodies are handed on as they come, so that a large one is never put together by copying; of other
// frames an incomplete one is kept until its rest arrives.
import { ReplyError } from "./reply-codes.ts";

export const frameKinds = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
export const frameEnd = 0xce;
/** Kind, channel and size before a payload, and the end marker behind it. */
export const frameOverhead = 8;

export interface FrameHandler {
  /** A whole payload, in `bytes` from `start` to `end`; the bytes are the handler's to keep. */
  frame(kind: number, channel: number, bytes: Buffer, start: number, end: number): void;
  /** A part of a body frame's payload. */
  body(channel: number, bytes: Buffer, start: number, end: number): void;
}

export class FrameParser {
  readonly #handler: FrameHandler;
  /** The greatest frame that is accepted, overhead included; 0 for any. */
  frameMax: number;
  #tail: Buffer | null = null;
  #bodyLeft = 0;
  #bodyChannel = 0;
  #isEndDue = false;
  #isStopped = false;
  #isHeld = false;

  constructor(handler: FrameHandler, frameMax: number) {
    this.#handler = handler;
    this.frameMax = frameMax;
  }

  /** What comes from now on is not looked at. */
  stop(): void {
    this.#isStopped = true;
    this.#tail = null;
  }

  /** What comes from now on is kept for later. */
  hold(): void {
    this.#isHeld = true;
  }

  /** The next push takes what was kept as well. */
  release(): void {
    this.#isHeld = false;
  }

  push(chunk: Buffer): void {
    if (this.#isStopped) return;
    const tail = this.#tail;
    this.#tail = null;
    const bytes = tail === null ? chunk : chunk.length === 0 ? tail : Buffer.concat([tail, chunk]);
    let at = this.#isEndDue || this.#bodyLeft > 0 ? this.#body(bytes, 0) : 0;
    while (!this.#isStopped && !this.#isHeld && bytes.length - at >= 7) {
      const next = this.#frame(bytes, at);
      if (next === at) break;
      at = next;
    }
    if (at < bytes.length && !this.#isStopped) this.#tail = at === 0 ? bytes : bytes.subarray(at);
  }

  /** Takes the frame that begins at `at`; returns where the next one begins, or `at` when it is incomplete. */
  #frame(bytes: Buffer, at: number): number {
    const kind = bytes[at]!;
    const channel = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const size =
      bytes[at + 3]! * 16_777_216 + ((bytes[at + 4]! << 16) | (bytes[at + 5]! << 8) | bytes[at + 6]!);
    if (this.frameMax !== 0 && size > this.frameMax - frameOverhead) throw this.#tooLarge(kind, size);
    const start = at + 7;
    if (kind === frameKinds.body) {
      this.#bodyLeft = size;
      this.#bodyChannel = channel;
      this.#isEndDue = true;
      return this.#body(bytes, start);
    }
    const end = start + size;
    if (end >= bytes.length) return at;
    if (bytes[end] !== frameEnd) throw badEnd(kind, bytes.subarray(start, end), bytes[end]!);
    this.#handler.frame(kind, channel, bytes, start, end);
    return end + 1;
  }

  /** Goes on with a body frame: the rest of its payload, then its end marker. */
  #body(bytes: Buffer, start: number): number {
    const end = Math.min(bytes.length, start + this.#bodyLeft);
    this.#bodyLeft -= end - start;
    if (this.#bodyLeft === 0) {
      if (end === bytes.length) {
        if (end > start) this.#handler.body(this.#bodyChannel, bytes, start, end);
        return end;
      }
      if (bytes[end] !== frameEnd) throw badEnd(frameKinds.body, bytes.subarray(start, end), bytes[end]!);
      this.#isEndDue = false;
      if (end > start) this.#handler.body(this.#bodyChannel, bytes, start, end);
      return end + 1;
    }
    if (end > start) this.#handler.body(this.#bodyChannel, bytes, start, end);
    return end;
  }

  #tooLarge(kind: number, size: number): ReplyError {
    const max = this.frameMax - frameOverhead;
    return new ReplyError("FRAME_ERROR", `type ${kind}, all octets = <<>>: {frame_too_large,${size},${max}}`);
  }
}

// As much of a bad frame as RabbitMQ shows.
const snippetMax = 16;

function badEnd(kind: number, payload: Buffer, found: number): ReplyError {
  const isShort = payload.length < snippetMax;
  const octets = [...payload.subarray(0, snippetMax)].join(",");
  const part = isShort ? "all" : `first ${snippetMax}`;
  return new ReplyError(
    "FRAME_ERROR",
    `type ${kind}, ${part} octets = <<${octets}>>: {invalid_frame_end_marker,${found}}`,
  );
}
