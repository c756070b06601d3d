// Where long queues wait: pages of messages in files of their own, so that memory holds only the front and
// the newest of a queue. Pages outlive nothing: what must last is in the journal as well. While the disk has
// no room for a page nothing is paged, and an alarm holds the publishers.
import { closeSync, mkdirSync, openSync, readSync, rmSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Platform } from "@micronova/kit";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import type { Content } from "../content.ts";
import { Entry } from "../queue/entry.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import { type Page, type Pager, type PagingLimits, pagingLimits } from "../queue/paged-line.ts";
import type { WireForm } from "../wire-form.ts";
import { readContent, writeContent } from "./record.ts";

interface PageFile {
  readonly path: string;
  readonly file: number;
  size: number;
  pages: number;
}

/** What is written of an entry before its content. */
const entryBytes = 37;
const fileBytes = 256 * 1024 * 1024;
const bufferBytes = 2 * 1024 * 1024;
// After a refusal the disk is asked for this much, again and again, before pages are written as before.
const probeBytes = 1024 * 1024;
const retryMs = 1_000;

export interface PagerOptions {
  readonly form: WireForm;
  readonly limits?: PagingLimits;
  /** Called when the disk refuses, and with null when it takes again. */
  readonly onTrouble: (lack: "disk" | null) => void;
}

export class FilePager implements Pager {
  readonly limits: PagingLimits;
  readonly #dir: string;
  readonly #platform: Platform;
  readonly #options: PagerOptions;
  #writer = new Writer(bufferBytes);
  readonly #open = new Set<PageFile>();
  #current: PageFile | null = null;
  #files = 0;
  #isRefused = false;
  #isClosed = false;

  constructor(dir: string, platform: Platform, options: PagerOptions) {
    this.limits = options.limits ?? pagingLimits;
    this.#dir = join(dir, "pages");
    this.#platform = platform;
    this.#options = options;
    rmSync(this.#dir, { recursive: true, force: true });
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  write(entries: readonly Entry[]): Page | null {
    if (this.#isRefused) return null;
    const writer = this.#writer;
    writer.at = 0;
    for (const entry of entries) this.#encode(writer, entry);
    const bytes = writer.written;
    // Room for large messages is not kept.
    if (writer.bytes.length > 2 * bufferBytes) this.#writer = new Writer(bufferBytes);
    try {
      return this.#append(bytes, entries);
    } catch (error) {
      this.#platform.log.error({ error }, "pages cannot be written");
      this.#isRefused = true;
      this.#options.onTrouble("disk");
      this.#probeLater();
      return null;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const file of this.#open) this.#remove(file);
    this.#current = null;
  }

  #append(bytes: Buffer, entries: readonly Entry[]): Page {
    const into = this.#current ?? this.#create();
    // Nothing in it is waited for any more: it begins anew.
    if (into.pages === 0) into.size = 0;
    const at = into.size;
    const size = bytes.length;
    writeWhole(into.file, bytes, at);
    into.size += size;
    into.pages++;
    if (into.size >= fileBytes) this.#current = null;
    // A page has entries.
    const { queue } = entries[0]!;
    const bodyBytes = entries.reduce((sum, entry) => sum + entry.size, 0);
    return { count: entries.length, bodyBytes, read: () => this.#read(into, at, size, queue) };
  }

  /** Whether a page has room is only found out by writing one; publishers may come back when it has. */
  #probeLater(): void {
    void this.#platform.clock.sleep(retryMs).then(() => {
      if (this.#isClosed) return;
      try {
        const { file, size } = this.#current ?? this.#create();
        writeWhole(file, Buffer.alloc(probeBytes), size);
      } catch {
        // The log says so already.
        this.#probeLater();
        return;
      }
      this.#isRefused = false;
      this.#options.onTrouble(null);
    });
  }

  #encode(writer: Writer, entry: Entry): void {
    const { place, expiresAt, journalId, size, redelivered, returns, content } = entry;
    const at = writer.reserve(entryBytes);
    writer.bytes.writeDoubleBE(place, at);
    writer.bytes.writeDoubleBE(expiresAt, at + 8);
    writer.bytes.writeDoubleBE(journalId, at + 16);
    writer.bytes.writeDoubleBE(size, at + 24);
    writer.bytes[at + 32] = redelivered ? 1 : 0;
    writer.bytes.writeUInt32BE(returns, at + 33);
    writeContent(writer, content, this.#options.form);
  }

  #read(from: PageFile, at: number, size: number, queue: MessageQueue): readonly Entry[] {
    const bytes = Buffer.allocUnsafeSlow(size);
    readSync(from.file, bytes, 0, size, at);
    const reader = new Reader(bytes);
    const entries: Entry[] = [];
    while (reader.left > 0) entries.push(this.#readEntry(reader, queue, entries.at(-1)?.content ?? null));
    from.pages--;
    if (from.pages === 0 && from !== this.#current) this.#remove(from);
    return entries;
  }

  #readEntry(reader: Reader, queue: MessageQueue, before: Content | null): Entry {
    const at = reader.pass(entryBytes);
    const content = readContent(reader, before);
    return new Entry({
      queue,
      content,
      place: reader.bytes.readDoubleBE(at),
      expiresAt: reader.bytes.readDoubleBE(at + 8),
      journalId: reader.bytes.readDoubleBE(at + 16),
      size: reader.bytes.readDoubleBE(at + 24),
      redelivered: reader.bytes[at + 32] === 1,
      returns: reader.bytes.readUInt32BE(at + 33),
    });
  }

  #create(): PageFile {
    const path = join(this.#dir, `${++this.#files}.pages`);
    const file = { path, file: openSync(path, "w+", 0o600), size: 0, pages: 0 };
    this.#open.add(file);
    this.#current = file;
    return file;
  }

  #remove(file: PageFile): void {
    this.#open.delete(file);
    closeSync(file.file);
    unlinkSync(file.path);
  }
}

function writeWhole(file: number, bytes: Buffer, at: number): void {
  for (let from = 0; from < bytes.length; )
    from += writeSync(file, bytes, from, bytes.length - from, at + from);
}
