// Where long queues wait: pages of messages in files of their own, so that memory holds only the front and
// the newest of a queue. Pages outlive nothing: what must last is in the journal as well.
import { closeSync, mkdirSync, openSync, readSync, rmSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { Entry } from "../queue/entry.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import type { Page, Pager } from "../queue/paged-line.ts";
import type { WireForm } from "../wire-form.ts";
import { readContent, writeContent } from "./record.ts";

interface PageFile {
  readonly path: string;
  readonly file: number;
  size: number;
  pages: number;
}

/** What is written of an entry before its content. */
const entryBytes = 33;
const fileBytes = 256 * 1024 * 1024;

export class FilePager implements Pager {
  readonly #dir: string;
  readonly #form: WireForm;
  readonly #writer = new Writer(2 * 1024 * 1024);
  #current: PageFile | null = null;
  #files = 0;

  constructor(dir: string, form: WireForm) {
    this.#dir = join(dir, "pages");
    this.#form = form;
    rmSync(this.#dir, { recursive: true, force: true });
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  write(entries: readonly Entry[]): Page {
    const writer = this.#writer;
    writer.at = 0;
    for (const { place, expiresAt, journalId, size, redelivered, content } of entries) {
      const at = writer.reserve(entryBytes);
      writer.bytes.writeDoubleBE(place, at);
      writer.bytes.writeDoubleBE(expiresAt, at + 8);
      writer.bytes.writeDoubleBE(journalId, at + 16);
      writer.bytes.writeDoubleBE(size, at + 24);
      writer.bytes[at + 32] = redelivered ? 1 : 0;
      writeContent(writer, content, this.#form);
    }
    const into = this.#current ?? this.#open();
    // Nothing in it is waited for any more: it begins anew.
    if (into.pages === 0) into.size = 0;
    const at = into.size;
    const size = writer.at;
    for (let from = 0; from < writer.at; )
      from += writeSync(into.file, writer.bytes, from, writer.at - from, into.size + from);
    into.size += writer.at;
    into.pages++;
    if (into.size >= fileBytes) this.#current = null;
    // A page has entries.
    const { queue } = entries[0]!;
    return { count: entries.length, size, read: () => this.#read(into, at, size, queue) };
  }

  #read(from: PageFile, at: number, size: number, queue: MessageQueue): readonly Entry[] {
    const bytes = Buffer.allocUnsafeSlow(size);
    readSync(from.file, bytes, 0, size, at);
    const reader = new Reader(bytes);
    const entries: Entry[] = [];
    while (reader.left > 0) entries.push(this.#readEntry(reader, queue));
    from.pages--;
    if (from.pages === 0 && from !== this.#current) {
      closeSync(from.file);
      unlinkSync(from.path);
    }
    return entries;
  }

  #readEntry(reader: Reader, queue: MessageQueue): Entry {
    const at = reader.pass(entryBytes);
    const content = readContent(reader);
    return new Entry({
      queue,
      content,
      place: reader.bytes.readDoubleBE(at),
      expiresAt: reader.bytes.readDoubleBE(at + 8),
      journalId: reader.bytes.readDoubleBE(at + 16),
      size: reader.bytes.readDoubleBE(at + 24),
      redelivered: reader.bytes[at + 32] === 1,
    });
  }

  #open(): PageFile {
    const path = join(this.#dir, `${++this.#files}.pages`);
    this.#current = { path, file: openSync(path, "w+", 0o600), size: 0, pages: 0 };
    return this.#current;
  }
}
