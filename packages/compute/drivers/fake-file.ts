// The file in which fake guests are kept.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { FakeDomain } from "./fake.ts";
import { keyOf } from "./fake-migration.ts";
import { nullWhenAbsent } from "./files.ts";

/**
 * A file of all rows. It is written as a whole, from texts that are kept, and calls that come while a write
 * is under way share the next one: a benchmark that fills a host writes a few times a second, not for each
 * server.
 */
export function domainFile(path: string) {
  const texts = new Map<string, string>();
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  const write = async () => {
    next = null;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, `[${[...texts.values()].join(",")}]`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  };
  return {
    save(key: string, domain: FakeDomain | null): Promise<void> {
      if (domain === null) texts.delete(key);
      else texts.set(key, JSON.stringify(domain));
      next ??= writing.then(write, write);
      writing = next;
      return next;
    },
    async load(): Promise<readonly FakeDomain[]> {
      const text = await readFile(path, "utf8").catch(nullWhenAbsent);
      const found: readonly FakeDomain[] = text === null ? [] : JSON.parse(text);
      for (const domain of found) texts.set(keyOf(domain), JSON.stringify(domain));
      return found;
    },
  };
}
