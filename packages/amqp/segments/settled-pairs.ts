// What was settled, as a segment's second file holds it: pairs of a queue and a message's number. They are
// written without a sync, so after a power cut any part may be missing or zero. Each pair is checked by
// itself and none crosses the border of a page: a broken one is not taken for another, which would lose a
// message.

// A power of two, as pages are.
const pairBytes = 16;
// So that zeros are no pair.
const salt = 0x5e771ed0;

/** `pairs` are queues and numbers in turn. */
export function writePairs(pairs: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe((pairs.length / 2) * pairBytes);
  for (let at = 0, to = 0; at < pairs.length; at += 2, to += pairBytes) {
    bytes.writeUInt32BE(pairs[at]!, to);
    bytes.writeDoubleBE(pairs[at + 1]!, to + 4);
    bytes.writeUInt32BE(check(bytes, to), to + 12);
  }
  return bytes;
}

/** Calls for every whole pair. */
export function readPairs(bytes: Buffer, found: (queue: number, id: number) => void): void {
  for (let at = 0; at + pairBytes <= bytes.length; at += pairBytes)
    if (bytes.readUInt32BE(at + 12) === check(bytes, at))
      found(bytes.readUInt32BE(at), bytes.readDoubleBE(at + 4));
}

function check(bytes: Buffer, at: number): number {
  const words = bytes.readUInt32BE(at) ^ bytes.readUInt32BE(at + 4) ^ bytes.readUInt32BE(at + 8);
  return (words ^ salt) >>> 0;
}
