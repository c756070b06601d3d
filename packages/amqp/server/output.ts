// What goes out on one connection. Frames of a turn are encoded into one pooled buffer and written at the
// turn's end; a large body is passed on in the chunks it came in, since copying it would cost more than
// everything else. A connection with nothing to say owns no buffer.
import type { Socket } from "node:net";
import { frameEnd, frameKinds, frameOverhead } from "../codec/frame-parser.ts";
import { type Args, writeMethod } from "../codec/method-codec.ts";
import type { MethodName } from "../codec/methods.ts";
import { Writer } from "../codec/writer.ts";
import type { Content } from "../content.ts";
import type { TrafficStats } from "../statistics.ts";
import type { WireForm } from "../wire-form.ts";

const bufferBytes = 64 * 1024;
// What a frame's fixed parts, a header's and a small method may need at most; checked before encoding.
const slackBytes = 64;
// A body of this size is cheaper to pass on than to copy.
const copiedMax = 8 * 1024;
// Below this a loop is faster than a call of `set`.
const loopMax = 48;
// So much may wait for a slow reader before its consumers get nothing more.
const waitingMax = 1024 * 1024;
// More than deliveries alone may come to, of which a client that only publishes need not read any.
const answersMax = 4 * waitingMax;
// So much is encoded before it is written, even within a turn.
const pendingMax = 256 * 1024;
const pooledMax = 32;

const pool: Buffer[] = [];
const scratch = new Writer(1024);

export class Output {
  readonly #socket: Socket;
  readonly #form: WireForm;
  readonly #traffic: TrafficStats;
  frameMax = 4096;
  /** Called before anything is written. */
  beforeWrite: (() => void) | null = null;
  /** Whether anything was written since somebody looked: heartbeats look at it. */
  hasWritten = false;
  #buffer: Buffer | null = null;
  /** Where what is not yet in `#parts` begins. */
  #from = 0;
  #at = 0;
  #parts: Buffer[] = [];
  /** The buffers that parts lie in, beside the one in use. */
  #full: Buffer[] = [];
  #pending = 0;
  #isScheduled = false;
  #lastWords: (() => void)[] = [];

  constructor(socket: Socket, form: WireForm, traffic: TrafficStats) {
    this.#socket = socket;
    this.#form = form;
    this.#traffic = traffic;
  }

  /** Whether a reader keeps up well enough to be sent more. */
  get hasRoom(): boolean {
    return this.#pending + this.#socket.writableLength < waitingMax;
  }

  /** Whether so many answers wait for a reader that no more questions should be heard. */
  get isFlooded(): boolean {
    return this.#pending + this.#socket.writableLength > answersMax;
  }

  method<M extends MethodName>(channel: number, name: M, args: Args<M>): void {
    scratch.at = 0;
    writeMethod(scratch, name, args);
    this.#room(scratch.at + slackBytes);
    this.#frameHead(frameKinds.method, channel, scratch.at);
    this.#copy(scratch.bytes, 0, scratch.at);
    this.#octet(frameEnd);
    this.#schedule();
  }

  heartbeat(): void {
    this.#room(slackBytes);
    this.#frameHead(frameKinds.heartbeat, 0, 0);
    this.#octet(frameEnd);
    this.#schedule();
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#copy(bytes, 0, bytes.length);
    this.#schedule();
  }

  /** A `basic.deliver` with its content; `head` is what of the method comes before the tag. */
  deliver(channel: number, head: Buffer, tag: number, redelivered: boolean, content: Content): void {
    const label = content.label.bytes;
    this.#room(head.length + label.length + slackBytes);
    this.#frameHead(frameKinds.method, channel, head.length + 9 + label.length);
    this.#copy(head, 0, head.length);
    this.#long(Math.floor(tag / 4_294_967_296));
    this.#long(tag >>> 0);
    this.#octet(redelivered ? 1 : 0);
    this.#copy(label, 0, label.length);
    this.#octet(frameEnd);
    this.content(channel, content);
  }

  /** A basic.get-ok is a delivery whose method ends with a count. */
  getOk(channel: number, tag: number, redelivered: boolean, content: Content, count: number): void {
    const { exchange, key } = content.label;
    this.method(channel, "basic.get-ok", {
      deliveryTag: tag,
      redelivered,
      exchange,
      routingKey: key,
      messageCount: count,
    });
    this.content(channel, content);
  }

  /** The header and the body, after their method. */
  content(channel: number, content: Content): void {
    const properties = content.properties(this.#form).bytes;
    const { bytes, start, end, parts } = content.body(this.#form);
    const size = content.size;
    this.#room(properties.length + slackBytes);
    this.#frameHead(frameKinds.header, channel, 12 + properties.length);
    this.#long(basicClass);
    this.#long(0);
    this.#long(size);
    this.#copy(properties, 0, properties.length);
    this.#octet(frameEnd);
    if (parts !== null) this.#bodyOfParts(channel, parts, size);
    else if (size > 0) this.#body(channel, bytes, start, end);
    this.#schedule();
    if (this.#pending + this.#at - this.#from > pendingMax) this.flush();
  }

  /**
   * Lets somebody write when the turn is over, after all that is written in it but in one write with that:
   * clients expect a return and its confirm to come together.
   */
  beforeFlush(write: () => void): void {
    this.#lastWords.push(write);
    this.#schedule();
  }

  flush(): void {
    if (this.#lastWords.length > 0) {
      const lastWords = this.#lastWords;
      this.#lastWords = [];
      for (const write of lastWords) write();
    }
    this.#isScheduled = false;
    const buffer = this.#buffer;
    if (buffer === null || this.#socket.destroyed) return;
    if (this.#at > this.#from) this.#push(buffer.subarray(this.#from, this.#at));
    this.#from = this.#at;
    const parts = this.#parts;
    if (parts.length === 0) return;
    this.beforeWrite?.();
    this.#traffic.send_cnt++;
    this.#traffic.send_oct += this.#pending;
    this.#parts = [];
    this.#pending = 0;
    this.hasWritten = true;
    this.#write(parts);
    // When the kernel took all of it at once, the buffer is free again.
    if (this.#socket.writableLength === 0) {
      giveBack(buffer);
      for (const one of this.#full) giveBack(one);
    }
    this.#full = [];
    this.#buffer = null;
  }

  #write(parts: readonly Buffer[]): void {
    if (parts.length === 1) {
      this.#socket.write(parts[0]!);
      return;
    }
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Microtasks run when the callback that read from a socket is over.
    queueMicrotask(() => this.flush());
  }

  /** Makes sure of a buffer with so much room. */
  #room(size: number): void {
    if (this.#buffer !== null && this.#at + size <= this.#buffer.length) return;
    if (this.#buffer !== null) {
      if (this.#at > this.#from) this.#push(this.#buffer.subarray(this.#from, this.#at));
      this.#full.push(this.#buffer);
    }
    this.#buffer = size > bufferBytes ? Buffer.allocUnsafeSlow(size) : takeBuffer();
    this.#from = 0;
    this.#at = 0;
  }

  #push(part: Buffer): void {
    this.#parts.push(part);
    this.#pending += part.length;
  }

  #body(channel: number, bytes: Buffer, start: number, end: number): void {
    const most = this.frameMax === 0 ? end - start : this.frameMax - frameOverhead;
    for (let at = start; at < end; at += most) {
      const next = Math.min(end, at + most);
      this.#room(slackBytes + (next - at < copiedMax ? next - at : 0));
      this.#frameHead(frameKinds.body, channel, next - at);
      if (next - at < copiedMax) this.#copy(bytes, at, next);
      else this.#pass(bytes.subarray(at, next));
      this.#octet(frameEnd);
    }
  }

  #bodyOfParts(channel: number, parts: readonly Buffer[], size: number): void {
    const most = this.frameMax === 0 ? size : this.frameMax - frameOverhead;
    let left = size;
    let inFrame = 0;
    for (const part of parts) {
      for (let at = 0; at < part.length; ) {
        if (inFrame === 0) {
          inFrame = Math.min(most, left);
          this.#room(slackBytes);
          this.#frameHead(frameKinds.body, channel, inFrame);
        }
        const count = Math.min(inFrame, part.length - at);
        this.#pass(part.subarray(at, at + count));
        at += count;
        left -= count;
        inFrame -= count;
        if (inFrame === 0) {
          this.#room(slackBytes);
          this.#octet(frameEnd);
        }
      }
    }
  }

  /** Sends bytes without copying them. */
  #pass(bytes: Buffer): void {
    // `#room` has made sure of the buffer.
    const buffer = this.#buffer as Buffer;
    if (this.#at > this.#from) this.#push(buffer.subarray(this.#from, this.#at));
    this.#from = this.#at;
    this.#push(bytes);
  }

  #frameHead(kind: number, channel: number, size: number): void {
    const buffer = this.#buffer as Buffer;
    const at = this.#at;
    buffer[at] = kind;
    buffer[at + 1] = channel >>> 8;
    buffer[at + 2] = channel;
    this.#at = at + 3;
    this.#long(size);
  }

  #long(value: number): void {
    const buffer = this.#buffer as Buffer;
    const at = this.#at;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
    this.#at = at + 4;
  }

  #octet(value: number): void {
    (this.#buffer as Buffer)[this.#at++] = value;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    const buffer = this.#buffer as Buffer;
    const size = end - start;
    if (size > loopMax) buffer.set(bytes.subarray(start, end), this.#at);
    else for (let at = start, to = this.#at; at < end; at++, to++) buffer[to] = bytes[at]!;
    this.#at += size;
  }
}

// The class id of basic, with the weight that nobody uses.
const basicClass = 60 * 65_536;

function takeBuffer(): Buffer {
  return pool.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
}

function giveBack(buffer: Buffer): void {
  if (buffer.length === bufferBytes && pool.length < pooledMax) pool.push(buffer);
}
