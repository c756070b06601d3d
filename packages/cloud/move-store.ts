// Moves a stopped cloud's tables from the SQLite of its data directory to PostgreSQL. The file stays as it
// is.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { metricsRegistry, type Platform, silentLog, systemClock, systemRandom } from "@micronova/kit";
import { copyStore, postgresStore, sqliteStore, type TableCopy } from "@micronova/store";
import { openDataDir } from "./data-dir.ts";
import { errors } from "./errors.ts";
import { migrations } from "./seed.ts";

/** Throws `errors` when there is no such cloud or it runs, and the store's own when the other is not empty. */
export async function moveStore(path: string, url: string): Promise<readonly TableCopy[]> {
  const dataDir = resolve(path);
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) throw errors.badStoreUrl(url);
  if (!existsSync(resolve(dataDir, "cloud.db"))) throw errors.noStore(dataDir);
  const log = silentLog;
  const platform: Platform = { clock: systemClock, random: systemRandom, log, metrics: metricsRegistry() };
  // Held as a whole cloud holds it, so that none begins meanwhile.
  const dir = openDataDir(dataDir, systemRandom);
  try {
    const file = dir.file("cloud.db");
    const from = sqliteStore(platform, { path: file, durability: "power", migrations });
    const to = postgresStore(platform, { url, connections: 2, migrations });
    try {
      await from.migrate();
      await to.migrate();
      return await copyStore({ platform, from, to, place: placeOf(url), migrations });
    } finally {
      await from.close();
      await to.close();
    }
  } finally {
    dir.release();
  }
}

/** Without its password. */
function placeOf(text: string): string {
  const { host, pathname } = new URL(text);
  return `${host}${pathname}`;
}
