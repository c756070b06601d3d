// What was plugged, kept on disk: a restarted process knows its ports' rules before anybody tells it again.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Uuid } from "@micronova/kit";
import type { PortSpec } from "../driver.ts";

export interface PortNotes {
  load(): Promise<readonly PortSpec[]>;
  write(port: PortSpec): Promise<void>;
  remove(portId: Uuid): Promise<void>;
  removeAll(): Promise<void>;
}

export function portNotes(dir: string): PortNotes {
  const path = (portId: Uuid) => join(dir, `${portId}.json`);
  return {
    async load() {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const names = (await readdir(dir)).filter((name) => name.endsWith(".json"));
      return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(dir, name), "utf8"))));
    },
    async write(port) {
      await writeFile(`${path(port.id)}.new`, JSON.stringify(port), { mode: 0o600 });
      await rename(`${path(port.id)}.new`, path(port.id));
    },
    remove: (portId) => rm(path(portId), { force: true }),
    removeAll: () => rm(dir, { recursive: true, force: true }),
  };
}
