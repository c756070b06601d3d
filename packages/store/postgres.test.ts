// What is PostgreSQL's own: a server that is restarted, killed or away, commits in doubt, several processes
// that write at once, and databases that do not suit.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isFault, type Platform, systemClock } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import {
  postgresMissing,
  type RunningPostgres,
  startPostgres,
} from "../../tests/support/running-postgres.ts";
import { afterCommit, type Migration, postgresStore, type Store, storeErrors } from "./index.ts";
import { runSql } from "./queries.ts";

const migrations: Migration[] = [
  { id: "postgres-test/0001", sql: ["CREATE TABLE notes (n BIGINT PRIMARY KEY)"] },
];
const skip = postgresMissing;
// What the store waits for here is real.
const platform: Platform = { ...testPlatform(), clock: systemClock };

let server: RunningPostgres;
before(async () => {
  if (skip === false) server = await startPostgres();
});
after(() => server?.destroy());

let databases = 0;
const freshUrl = () => server.database(`own${databases++}`);

async function opened(url: string, patienceMs?: number): Promise<Store> {
  const options = { url, connections: 3, migrations, ...(patienceMs === undefined ? {} : { patienceMs }) };
  const store = postgresStore(platform, options);
  await store.migrate();
  return store;
}

const note = (store: Store, n: number) =>
  store.transaction((tx) => runSql(tx, "INSERT INTO notes VALUES ($1)", [n]));

async function notes(store: Store): Promise<number[]> {
  // The query's one column.
  const rows = (await runSql(store.read, "SELECT n FROM notes ORDER BY n")) as { n: number }[];
  return rows.map(({ n }) => n);
}

/** Writes 1, 2, 3 … from several callers at once until told to stop; tells which were acknowledged. */
function load(store: Store, callers: number) {
  let next = 1;
  let isOver = false;
  const kept: number[] = [];
  const refused: { n: number; error: unknown }[] = [];
  const caller = async () => {
    while (!isOver) {
      const n = next++;
      await note(store, n).then(
        () => kept.push(n),
        (error) => refused.push({ n, error }),
      );
    }
  };
  const all = Array.from({ length: callers }, caller);
  const reached = async (count: number) => {
    while (kept.length < count) await systemClock.sleep(5);
  };
  return {
    kept,
    refused,
    reached,
    async end() {
      isOver = true;
      await Promise.all(all);
    },
  };
}

for (const [how, end] of [
  ["restarted", () => server.stop()],
  ["killed", () => server.kill()],
] as const)
  test(`a server that is ${how} under load loses nothing acknowledged and makes nothing twice`, {
    skip,
  }, async () => {
    const store = await opened(await freshUrl());
    const writing = load(store, 20);

    for (const count of [100, 300, 500]) {
      await writing.reached(count);
      await end();
      await server.start();
    }
    await writing.reached(700);
    await writing.end();

    // The key refuses what is made twice, so a repetition of what had been made would be among the refused.
    assert.deepEqual(writing.refused, []);
    assert.deepEqual(
      await notes(store),
      writing.kept.toSorted((a, b) => a - b),
    );
    await store.close();
  });

test("while the server is away transactions and reads wait, and then fail with a sentence", {
  skip,
}, async () => {
  const store = await opened(await freshUrl(), 300);
  await note(store, 1);
  await server.stop();

  const told = await Promise.allSettled([note(store, 2), note(store, 3), notes(store)]);

  for (const one of told)
    assert(one.status === "rejected" && isFault(one.reason, storeErrors.lost), JSON.stringify(one));
  await server.start();
  await note(store, 4);
  assert.deepEqual(await notes(store), [1, 4]);
  await store.close();
});

test("hooks of a work that ran again are those of the run that was kept", { skip }, async () => {
  const store = await opened(await freshUrl());
  const ran: number[] = [];
  let runs = 0;

  await store.transaction(async (tx) => {
    const run = ++runs;
    afterCommit(tx, () => ran.push(run));
    const [row] = (await runSql(tx, "SELECT pg_backend_pid() AS pid")) as { pid: number }[];
    await runSql(tx, "INSERT INTO notes VALUES (1)");
    // The session ends itself, as the server would end it.
    if (run === 1) await runSql(tx, "SELECT pg_terminate_backend($1)", [row!.pid]);
  });

  assert.deepEqual(ran, [2]);
  assert.deepEqual(await notes(store), [1]);
  await store.close();
});

test("several processes that count and then insert never exceed what they count to", { skip }, async () => {
  const url = await freshUrl();
  const stores = [await opened(url), await opened(url)];
  const quota = 10;

  const won = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      stores[n % 2]!.transaction(async (tx) => {
        const [row] = (await runSql(tx, "SELECT count(*) AS used FROM notes")) as { used: number }[];
        if (row!.used >= quota) return 0;
        await runSql(tx, "INSERT INTO notes VALUES ($1)", [n]);
        return 1;
      }),
    ),
  );

  assert.equal(won.filter((one) => one === 1).length, quota);
  assert.equal((await notes(stores[0]!)).length, quota);
  for (const store of stores) await store.close();
});

test("several processes that start at once migrate once", { skip }, async () => {
  const url = await freshUrl();

  const stores = await Promise.all(Array.from({ length: 4 }, () => opened(url)));

  const rows = await runSql(stores[0]!.read, "SELECT id FROM migrations");
  assert.equal(rows.length, 1);
  for (const store of stores) await store.close();
});

test("a table that grows under prepared statements goes on being read and written", { skip }, async () => {
  const store = await opened(await freshUrl());
  const all = () => runSql(store.read, "SELECT * FROM notes");
  const write = (n: number) =>
    store.transaction((tx) => runSql(tx, "INSERT INTO notes (n) VALUES ($1) RETURNING *", [n]));
  await write(1);
  await all();

  await store.transaction((tx) => runSql(tx, "ALTER TABLE notes ADD COLUMN text TEXT"));

  assert.deepEqual(await write(2), [{ n: 2, text: null }]);
  assert.equal((await all()).length, 2);
  await store.close();
});

test("a transaction that goes on after a query of its failed is not kept", { skip }, async () => {
  const store = await opened(await freshUrl());
  await note(store, 1);

  const careless = store.transaction(async (tx) => {
    await runSql(tx, "INSERT INTO notes VALUES (1)").catch(() => undefined);
  });

  await assert.rejects(careless, /went on after one of its queries had failed/);
  await store.close();
});

test("`store.read` does not write", { skip }, async () => {
  const store = await opened(await freshUrl(), 0);

  await assert.rejects(runSql(store.read, "INSERT INTO notes VALUES (1)"), /read-only/);
  await store.close();
});

test("a database that sorts differently, or that lets nobody in, is refused with a sentence", {
  skip,
}, async () => {
  await server.sql("CREATE DATABASE sorted TEMPLATE template0 LOCALE 'C.UTF-8'");
  const url = new URL(server.url);
  url.pathname = "/sorted";
  await assert.rejects(opened(url.href), (error) => isFault(error, storeErrors.unsuited));

  url.password = "wrong";
  await assert.rejects(
    opened(url.href),
    (error) => isFault(error, storeErrors.refused) && !error.message.includes("wrong"),
  );
});
