// For tests: a stream of bytes cut anywhere, and what a parser makes of the pieces.
import fc from "fast-check";
import { FrameParser, frameKinds } from "./frame-parser.ts";

export interface Frame {
  readonly kind: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Ways to cut a stream: the sizes of its first chunks; the last one is what is left. */
export const anyCuts = fc.oneof(
  fc.array(fc.nat(15), { maxLength: 60 }),
  fc.array(fc.nat(20_000), { maxLength: 30 }),
);

export function chunked(stream: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of cuts) {
    chunks.push(stream.subarray(at, at + size));
    at = Math.min(stream.length, at + size);
  }
  return [...chunks, stream.subarray(at)];
}

/** What a parser hands out for these chunks; parts of bodies that follow one another are put together. */
export function parse(chunks: readonly Buffer[], frameMax = 0): readonly Frame[] {
  const found: Frame[] = [];
  const parser = new FrameParser(
    {
      frame: (kind, channel, of, start, end) =>
        found.push({ kind, channel, payload: of.subarray(start, end) }),
      body(channel, of, start, end) {
        const last = found.at(-1);
        const part = of.subarray(start, end);
        if (last?.kind === frameKinds.body && last.channel === channel)
          found[found.length - 1] = { ...last, payload: Buffer.concat([last.payload, part]) };
        else found.push({ kind: frameKinds.body, channel, payload: part });
      },
    },
    frameMax,
  );
  for (const chunk of chunks) parser.push(chunk);
  return found;
}
