// What guests say on their serial ports. QEMU appends it to a file; here the file is read from its end, and
// kept from growing without bound.
import { copyFile, open, stat, truncate } from "node:fs/promises";
import { nullWhenAbsent } from "../files.ts";

// What is kept of one server: the current file up to this size, and one before it.
const logBytesMax = 1024 * 1024;
// An answer of the API carries at most this much, as Nova's does.
const outputBytesMax = 100 * 1024;

/** The last `lines` of the console, or all that an answer may carry. */
export async function readConsole(path: string, lines: number | null): Promise<string> {
  const newest = await tail(path, outputBytesMax);
  const older =
    newest.length < outputBytesMax ? await tail(olderLog(path), outputBytesMax - newest.length) : "";
  const text = older + newest;
  if (lines === null) return text;
  if (lines === 0) return "";
  const ended = text.endsWith("\n");
  const all = (ended ? text.slice(0, -1) : text).split("\n");
  return all.slice(-lines).join("\n") + (ended ? "\n" : "");
}

/** Moves a full log aside. QEMU keeps the file open and appends, so it is emptied in place. */
export async function rotateConsole(path: string): Promise<void> {
  const found = await stat(path).catch(nullWhenAbsent);
  if (found === null || found.size < logBytesMax) return;
  await copyFile(path, olderLog(path));
  await truncate(path);
}

function olderLog(path: string): string {
  return `${path}.1`;
}

async function tail(path: string, bytesMax: number): Promise<string> {
  const file = await open(path).catch(nullWhenAbsent);
  if (file === null) return "";
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytesMax);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
