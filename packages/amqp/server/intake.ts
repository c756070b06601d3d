// What a connection reads: frames out of its socket; and why it reads none for now. A reason stops the parser
// as well, in the middle of what came, when even that may be too much.
import type { Socket } from "node:net";
import { type FrameHandler, FrameParser } from "../codec/frame-parser.ts";

/** An alarm of the broker, a journal that is behind, others whose turn it is, answers that nobody reads. */
export type Hold = "alarm" | "journal" | "turn" | "answers";

export interface IntakeDeps {
  readonly socket: Socket;
  readonly handler: FrameHandler;
  /** What came is no frame, or none that was expected; nothing is looked at any more. */
  readonly failed: (error: unknown) => void;
}

const nothing = Buffer.alloc(0);
const stopsParser: Readonly<Record<Hold, boolean>> = {
  alarm: false,
  journal: false,
  turn: true,
  answers: true,
};

export class Intake {
  readonly #deps: IntakeDeps;
  readonly #parser: FrameParser;
  readonly #holds = new Set<Hold>();

  constructor(deps: IntakeDeps, frameMax: number) {
    this.#deps = deps;
    this.#parser = new FrameParser(deps.handler, frameMax);
  }

  set frameMax(value: number) {
    this.#parser.frameMax = value;
  }

  get isHeld(): boolean {
    return this.#holds.size > 0;
  }

  isHeldBy(why: Hold): boolean {
    return this.#holds.has(why);
  }

  push(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#deps.failed(error);
      // Where one frame ends and the next begins is no longer known.
      this.#parser.stop();
    }
  }

  /** What comes from now on is not looked at. */
  stop(): void {
    this.#parser.stop();
  }

  hold(why: Hold): void {
    this.#holds.add(why);
    this.#deps.socket.pause();
    if (stopsParser[why]) this.#parser.hold();
  }

  /** Says whether it was held because of that. */
  letGo(why: Hold): boolean {
    if (!this.#holds.delete(why)) return false;
    if (stopsParser[why] && !this.#isParserHeld) {
      this.#parser.release();
      this.push(nothing);
    }
    if (this.#holds.size === 0) this.#deps.socket.resume();
    return true;
  }

  /** Whatever the reasons were, it reads on: for the answer to a close. What it has is for the next read. */
  letGoOfAll(): void {
    this.#holds.clear();
    this.#parser.release();
    this.#deps.socket.resume();
  }

  get #isParserHeld(): boolean {
    for (const why of this.#holds) if (stopsParser[why]) return true;
    return false;
  }
}
