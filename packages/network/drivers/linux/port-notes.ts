// What was plugged and what is known of other hosts, kept on disk: a restarted process knows its ports' rules
// and its way to others before anybody tells it again.
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Uuid } from "@micronova/kit";
import type { HostNetwork, PortSpec } from "../driver.ts";

/** What a host must know beside its own ports. */
export type Elsewhere = Omit<HostNetwork, "ports">;

export const nothingElsewhere: Elsewhere = { routed: [], remotes: [] };

export interface PortNotes {
  load(): Promise<readonly PortSpec[]>;
  loadElsewhere(): Promise<Elsewhere>;
  write(port: PortSpec): Promise<void>;
  writeElsewhere(elsewhere: Elsewhere): Promise<void>;
  remove(portId: Uuid): Promise<void>;
  removeAll(): Promise<void>;
}

export function portNotes(dir: string): PortNotes {
  const path = (portId: Uuid) => join(dir, `${portId}.json`);
  const elsewherePath = join(dir, "elsewhere");
  return {
    async load() {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const names = (await readdir(dir)).filter((name) => name.endsWith(".json"));
      return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(dir, name), "utf8"))));
    },
    async loadElsewhere() {
      if (!existsSync(elsewherePath)) return nothingElsewhere;
      return JSON.parse(await readFile(elsewherePath, "utf8"));
    },
    write: (port) => replace(path(port.id), JSON.stringify(port)),
    writeElsewhere: (elsewhere) => replace(elsewherePath, JSON.stringify(elsewhere)),
    remove: (portId) => rm(path(portId), { force: true }),
    removeAll: () => rm(dir, { recursive: true, force: true }),
  };
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
