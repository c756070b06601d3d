// Reads a qcow2 header and refuses what could make QEMU read other files, or do more work than the image is
// worth. Done here and not by qemu-img: the checks are few, and nothing of the image's content is followed.
import type { FileHandle } from "node:fs/promises";
import { imageErrors } from "../errors.ts";

// From QEMU's docs/interop/qcow2.txt.
const headerBytesMin = 72;
const version3HeaderBytesMin = 104;
const dirty = 1n << 0n;
const corrupt = 1n << 1n;
const externalData = 1n << 2n;
const compressionType = 1n << 3n;
const extendedL2 = 1n << 4n;
const known = dirty | corrupt | externalData | compressionType | extendedL2;
const dataFileExtension = 0x44415441;
// QEMU's own limits: an L1 table of 32 MiB, and what fits in one cluster before the extensions end.
const l1BytesMax = 32 * 1024 * 1024;
const extensionsMax = 64;
const virtualSizeMax = 2n ** 53n - 1n;

/** The image's virtual size in bytes; throws when the image is broken or points outside itself. */
export async function checkQcow2(file: FileHandle, size: number): Promise<number> {
  const refuse = (why: string) => imageErrors.formatUnsafe("qcow2", why);
  const head = Buffer.alloc(4096);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  if (bytesRead < headerBytesMin) throw refuse("its header is cut short");
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw refuse(`its version ${version} is unknown`);
  if (head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(16) !== 0) {
    throw refuse("it has a backing file, which could be any file of the host");
  }
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw refuse(`its cluster size 2^${clusterBits} is out of range`);
  if (head.readUInt32BE(32) !== 0) throw refuse("it is encrypted");
  if (version === 3) checkFeatures(head, bytesRead, refuse);
  const headerBytes = version === 3 ? head.readUInt32BE(100) : headerBytesMin;
  checkExtensions(head.subarray(0, bytesRead), headerBytes, refuse);
  checkTables(head, { size, clusterBits }, refuse);
  const virtualSize = head.readBigUInt64BE(24);
  if (virtualSize > virtualSizeMax) throw refuse("its virtual size is out of range");
  return Number(virtualSize);
}

type Refuse = (why: string) => Error;

function checkFeatures(head: Buffer, bytesRead: number, refuse: Refuse): void {
  if (bytesRead < version3HeaderBytesMin) throw refuse("its header is cut short");
  const features = head.readBigUInt64BE(72);
  if ((features & externalData) !== 0n) {
    throw refuse("its data is in another file, which could be any file of the host");
  }
  if ((features & corrupt) !== 0n)
    throw refuse("it is marked as corrupt; repair it with qemu-img check -r all");
  if ((features & ~known) !== 0n) throw refuse("it needs features that are unknown here");
}

/** Walks the header's extensions: one names a data file. */
function checkExtensions(head: Buffer, headerBytes: number, refuse: Refuse): void {
  let at = headerBytes;
  for (let count = 0; at + 8 <= head.length; count++) {
    if (count > extensionsMax) throw refuse("its header has too many extensions");
    const type = head.readUInt32BE(at);
    if (type === 0) return;
    if (type === dataFileExtension) throw refuse("its header names a data file");
    at += 8 + Math.ceil(head.readUInt32BE(at + 4) / 8) * 8;
  }
}

/** The tables the header points at lie within the file. */
function checkTables(
  head: Buffer,
  { size, clusterBits }: { readonly size: number; readonly clusterBits: number },
  refuse: Refuse,
): void {
  const l1Bytes = head.readUInt32BE(36) * 8;
  const refcountBytes = head.readUInt32BE(56) * 2 ** clusterBits;
  const tables: readonly (readonly [name: string, offset: bigint, bytes: number])[] = [
    ["L1 table", head.readBigUInt64BE(40), l1Bytes],
    ["refcount table", head.readBigUInt64BE(48), refcountBytes],
  ];
  if (l1Bytes > l1BytesMax) throw refuse("its L1 table is too large");
  for (const [name, offset, bytes] of tables) {
    if (offset + BigInt(bytes) > BigInt(size)) throw refuse(`its ${name} lies outside the file`);
  }
}
