// What is SQLite's own: commits shared by a group, files that are damaged or held, and a writer that is
// killed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isFault } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { GroupCommit } from "./group-commit.ts";
import { isStoreFault, type Migration, sqliteStore, storeErrors } from "./index.ts";
import { runSql } from "./queries.ts";
import { SqliteConnection } from "./sqlite-connection.ts";

const migrations: Migration[] = [
  { id: "sqlite-test/0001", sql: ["CREATE TABLE notes (n INTEGER PRIMARY KEY)"] },
];
const dir = mkdtempSync(join(tmpdir(), "sqlite-"));
after(() => rmSync(dir, { recursive: true }));

test("those who arrive together share one commit, and hear of it together", async () => {
  const connection = new SqliteConnection(join(dir, "group"), { readOnly: false, synchronous: "FULL" });
  const said: string[] = [];
  const control = connection.control.bind(connection);
  connection.control = (sql) => {
    said.push(sql);
    control(sql);
  };
  const commits = new GroupCommit(testPlatform(), connection, { gathers: true });

  const all = Array.from({ length: 20 }, (_, n) =>
    commits.transaction(async (tx) => {
      await runSql(tx, "CREATE TABLE IF NOT EXISTS t (n)");
      await runSql(tx, "INSERT INTO t VALUES (?)", [n]);
      if (n % 2 === 1) throw new Error("odd");
    }),
  );
  const told = await Promise.allSettled(all);

  assert.equal(said.filter((sql) => sql === "COMMIT").length, 1);
  assert.equal(said.filter((sql) => sql === "ROLLBACK TO work").length, 10);
  assert.equal(told.filter(({ status }) => status === "rejected").length, 10);
  assert.deepEqual(connection.query("SELECT count(*) AS count FROM t", []).rows, [{ count: 10 }]);
  await commits.close();
  connection.close();
});

test("a commit that fails fails its whole group", async () => {
  const connection = new SqliteConnection(join(dir, "failing"), { readOnly: false, synchronous: "NORMAL" });
  const control = connection.control.bind(connection);
  connection.control = (sql) => {
    if (sql === "COMMIT") throw storeErrors.full("the disk");
    control(sql);
  };
  const commits = new GroupCommit(testPlatform(), connection, { gathers: true });

  const told = await Promise.allSettled([
    commits.transaction(async () => 1),
    commits.transaction(async () => 2),
  ]);

  for (const one of told) assert(one.status === "rejected" && isStoreFault(one.reason));
  assert.equal(connection.isInTransaction, false);
  connection.close();
});

test("a file that is no database is refused with a sentence that says what to do", () => {
  const path = join(dir, "text");
  writeFileSync(path, "This is no database, however long it may be. ".repeat(100));

  assert.throws(
    () => sqliteStore(testPlatform(), { path, durability: "power", migrations }),
    (error) => isFault(error, storeErrors.damaged) && /restore a backup/.test(error.message),
  );
});

test("a place that cannot be opened is named", () => {
  const path = join(dir, "absent", "db");

  assert.throws(
    () => sqliteStore(testPlatform(), { path, durability: "power", migrations }),
    (error) => isFault(error, storeErrors.unreachable) && error.message.includes(path),
  );
});

test("what was acknowledged is there after the writer is killed", async () => {
  const path = join(dir, "killed");
  const program = `
    const { sqliteStore } = await import(${JSON.stringify(join(import.meta.dirname, "index.ts"))});
    const { testPlatform } = await import("@micronova/kit/testing");
    const store = sqliteStore(testPlatform(), {
      path: ${JSON.stringify(path)}, durability: "process", migrations: ${JSON.stringify(migrations)},
    });
    await store.migrate();
    for (let n = 1; ; n++) {
      await store.transaction((tx) => tx.insertInto("notes").values({ n }).execute());
      process.stdout.write(n + "\\n");
    }`;
  const writer = spawn(process.execPath, ["--input-type=module", "-e", program], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let heard = "";
  for await (const chunk of writer.stdout) {
    heard += chunk;
    if (heard.length > 500) writer.kill("SIGKILL");
  }
  const acknowledged = Number(heard.slice(0, heard.lastIndexOf("\n")).split("\n").at(-1));

  const store = sqliteStore(testPlatform(), { path, durability: "process", migrations });
  await store.migrate();
  const [row] = (await runSql(store.read, "SELECT count(*) AS kept, max(n) AS last FROM notes")) as {
    kept: number;
    last: number;
  }[];
  assert(row !== undefined && row.last >= acknowledged && row.kept === row.last, JSON.stringify(row));
  await store.close();
});
