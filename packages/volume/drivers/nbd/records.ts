// Which exports are wanted: a folder each, with a record that comes before its daemon and goes before it, so
// that after a crash what has a record is served again and what has none is ended.
import { createHash } from "node:crypto";
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Uuid } from "@micronova/kit";

export interface ExportRecord {
  readonly volumeId: Uuid;
  /** Who may use it. */
  readonly host: string;
  readonly isShared: boolean;
  /** Where its daemon listens; null for what the own host opens by its path. */
  readonly at: { readonly address: string; readonly port: number } | null;
}

/** The folder of one export. */
export interface ExportPlace {
  readonly folder: string;
  /** In the command line of the daemon of this export and of no other on the machine. */
  readonly mark: string;
}

export interface ExportRecords {
  place(of: Pick<ExportRecord, "volumeId" | "host">): ExportPlace;
  all(): Promise<readonly ExportRecord[]>;
  /** Folders without a record. */
  leftovers(): Promise<readonly ExportPlace[]>;
  save(record: ExportRecord): Promise<void>;
  /** The record goes, its folder stays. */
  withdraw(record: ExportRecord): Promise<void>;
}

/** Who owns the folders, in which daemons write; null for whoever this process is. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

const recordName = "export.json";

export function exportRecords(stateDir: string, owner: Owner): ExportRecords {
  const placeOf = (name: string): ExportPlace => {
    const folder = join(stateDir, name);
    return { folder, mark: `export-${createHash("sha256").update(folder).digest("hex").slice(0, 32)}` };
  };
  const place: ExportRecords["place"] = ({ volumeId, host }) =>
    placeOf(`${volumeId}.${encodeURIComponent(host)}`);
  const found = async () => {
    const names = (await readdir(stateDir).catch(nullWhenAbsent)) ?? [];
    return Promise.all(names.map(async (name) => ({ at: placeOf(name), record: await read(placeOf(name)) })));
  };
  return {
    place,
    all: async () => (await found()).flatMap(({ record }) => (record === null ? [] : [record])),
    leftovers: async () => (await found()).flatMap(({ at, record }) => (record === null ? [at] : [])),
    async save(record) {
      const { folder } = place(record);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      if (owner !== null) await chown(folder, owner.uid, owner.gid);
      const path = join(folder, recordName);
      await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
    withdraw: (record) => rm(join(place(record).folder, recordName), { force: true }),
  };
}

async function read({ folder }: ExportPlace): Promise<ExportRecord | null> {
  const text = await readFile(join(folder, recordName), "utf8").catch(nullWhenAbsent);
  // Written by `save` alone.
  return text === null ? null : (JSON.parse(text) as ExportRecord);
}

function nullWhenAbsent(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}
