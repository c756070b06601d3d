// Bodies as text, up to a size.
import type { Readable } from "node:stream";
import { httpErrors } from "./errors.ts";

/** The whole of a body as text. Throws 413 when it is longer than it may be. */
export async function readText(stream: Readable, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Left alone after a refusal: destroying the stream would close the socket before the client has its
  // answer. Bodies are byte streams: nobody has set an encoding on them.
  const incoming = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const chunk of incoming) {
    size += chunk.length;
    if (size > bytesMax) throw httpErrors.bodyTooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]!.toString("utf8") : Buffer.concat(chunks).toString("utf8");
}
