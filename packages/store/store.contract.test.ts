// What every engine must do. Add an engine to `engines` and it has to pass all of it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isFault, type Platform } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import {
  postgresMissing,
  type RunningPostgres,
  startPostgres,
} from "../../tests/support/running-postgres.ts";
import {
  afterCommit,
  isUniqueViolation,
  type Migration,
  newId,
  now,
  postgresStore,
  prepared,
  type Store,
  sqliteStore,
  storeErrors,
  type Tables,
  type Tx,
} from "./index.ts";

declare module "./index.ts" {
  interface Tables {
    store_test_items: { id: string; holder: string | null; size: number; isBig: boolean | number };
  }
}

const migrations: Migration[] = [
  {
    id: "store-test/0001-items",
    sql: [
      'CREATE TABLE store_test_items (id TEXT PRIMARY KEY, holder TEXT, size BIGINT NOT NULL, "isBig" INTEGER NOT NULL)',
      "CREATE UNIQUE INDEX store_test_items_holder ON store_test_items (holder) WHERE holder IS NOT NULL",
    ],
  },
];
const later: Migration = {
  id: "store-test/0002-later",
  sql: ["CREATE TABLE store_test_later (id TEXT PRIMARY KEY)"],
};

interface Engine {
  /** Opens the same data each time it is called. */
  open(platform: Platform, migrations: readonly Migration[]): Store;
  readonly keepsData: boolean;
  dispose(): void;
}

function sqliteInMemory(): Engine {
  const options = { path: ":memory:", durability: "process" } as const;
  return {
    open: (platform, all) => sqliteStore(platform, { ...options, migrations: all }),
    keepsData: false,
    dispose() {},
  };
}

function sqliteInFile(durability: "process" | "power"): Engine {
  const dir = mkdtempSync(join(tmpdir(), "store-"));
  return {
    open: (platform, all) => sqliteStore(platform, { path: join(dir, "db"), durability, migrations: all }),
    keepsData: true,
    dispose: () => rmSync(dir, { recursive: true }),
  };
}

type Item = Tables["store_test_items"];

const itemOf = (id: string, size: number): Item => ({ id, holder: null, size, isBig: 0 });

const addAll = prepared((tx, rows: readonly Item[]) => tx.insertInto("store_test_items").values(rows));

const sizesOf = prepared((tx, asked: { readonly ids: readonly string[]; readonly sizeMin: number }) =>
  tx
    .selectFrom("store_test_items")
    .select(["size", "holder"])
    .where("id", "in", asked.ids)
    .where("size", ">=", asked.sizeMin)
    .orderBy("id"),
);

let server: RunningPostgres;
let databases = 0;
before(async () => {
  if (postgresMissing === false) server = await startPostgres({ syncs: false });
});
after(() => server?.destroy());

async function postgres(): Promise<Engine> {
  const url = await server.database(`contract${databases++}`);
  return {
    open: (platform, all) => postgresStore(platform, { url, connections: 3, migrations: all }),
    keepsData: true,
    dispose() {},
  };
}

interface EngineKind {
  readonly name: string;
  /** Data of its own, empty. */
  make(): Engine | Promise<Engine>;
  /** False, or why it cannot be tried here. */
  readonly missing?: string | false;
}

const engines: readonly EngineKind[] = [
  { name: "SQLite in memory", make: sqliteInMemory },
  { name: "SQLite in a file, process", make: () => sqliteInFile("process") },
  { name: "SQLite in a file, power", make: () => sqliteInFile("power") },
  { name: "PostgreSQL", make: postgres, missing: postgresMissing },
];

for (const { name, make, missing: skip = false } of engines) {
  const withStore = async (
    work: (store: Store, platform: ReturnType<typeof testPlatform>) => Promise<void>,
  ) => {
    const engine = await make();
    const platform = testPlatform();
    const store = engine.open(platform, migrations);
    await store.migrate();
    try {
      await work(store, platform);
    } finally {
      await store.close();
      engine.dispose();
    }
  };

  test(`${name}: what a transaction wrote is read afterwards, as plain objects`, { skip }, () =>
    withStore(async (store) => {
      const size = await store.transaction(async (tx) => {
        await add(tx, "a", { size: 2 ** 40 });
        const row = await tx.selectFrom("store_test_items").select("size").executeTakeFirstOrThrow();
        return row.size;
      });

      assert.equal(size, 2 ** 40);
      assert.deepEqual(await store.read.selectFrom("store_test_items").selectAll().execute(), [
        { id: "a", holder: null, size: 2 ** 40, isBig: 1 },
      ]);
    }),
  );

  test(
    `${name}: a prepared query means each time what it is asked with, whatever the length of its lists`,
    { skip },
    () =>
      withStore(async (store) => {
        await store.transaction(async (tx) => {
          await addAll(tx, [itemOf("a", 1), { ...itemOf("b", 2), holder: "me" }]);
          await addAll(tx, [itemOf("c", 3)]);
          await addAll(tx, [itemOf("d", 4), { ...itemOf("e", 5), holder: "you" }]);
        });

        const found = [
          await sizesOf(store.read, { ids: ["a", "e", "none"], sizeMin: 1 }),
          await sizesOf(store.read, { ids: ["c"], sizeMin: 1 }),
          await sizesOf(store.read, { ids: ["a", "b", "e"], sizeMin: 2 }),
        ];

        assert.deepEqual(found, [
          [
            { size: 1, holder: null },
            { size: 5, holder: "you" },
          ],
          [{ size: 3, holder: null }],
          [
            { size: 2, holder: "me" },
            { size: 5, holder: "you" },
          ],
        ]);
      }),
  );

  test(`${name}: a transaction that throws leaves nothing behind, and its neighbours stand`, { skip }, () =>
    withStore(async (store) => {
      const results = await Promise.allSettled([
        store.transaction((tx) => add(tx, "a")),
        store.transaction(async (tx) => {
          await add(tx, "b");
          throw new Error("changed my mind");
        }),
        store.transaction((tx) => add(tx, "c")),
      ]);

      assert.deepEqual(
        results.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      assert.deepEqual(await ids(store.read), ["a", "c"]);
    }),
  );

  test(`${name}: of several that want the same row under a condition, one succeeds`, { skip }, () =>
    withStore(async (store) => {
      await store.transaction((tx) => add(tx, "a"));

      const won = await Promise.all(
        ["x", "y", "z"].map((holder) =>
          store.transaction(async (tx) => {
            const taken = await tx
              .updateTable("store_test_items")
              .set({ holder })
              .where("id", "=", "a")
              .where("holder", "is", null)
              .returning("id")
              .execute();
            return taken.length;
          }),
        ),
      );

      assert.deepEqual(won.sort(), [0, 0, 1]);
    }),
  );

  test(`${name}: an update without RETURNING says how many rows it changed`, { skip }, () =>
    withStore(async (store) => {
      await store.transaction(async (tx) => {
        await add(tx, "a");
        await add(tx, "b");
        const result = await tx.updateTable("store_test_items").set({ size: 7 }).executeTakeFirstOrThrow();
        assert.equal(result.numUpdatedRows, 2n);
      });
    }),
  );

  test(
    `${name}: a partial unique index refuses the second, by a kind of error that can be asked for`,
    { skip },
    () =>
      withStore(async (store) => {
        await store.transaction((tx) => add(tx, "a", { holder: "h" }));

        const second = store.transaction((tx) => add(tx, "b", { holder: "h" }));

        await assert.rejects(second, (error) => isUniqueViolation(error));
      }),
  );

  test(
    `${name}: a transaction that awaits something else fails and says so; the next one runs`,
    { skip },
    () =>
      withStore(async (store) => {
        const slow = store.transaction(async (tx) => {
          await add(tx, "a");
          await new Promise((resolve) => setImmediate(resolve));
          await add(tx, "late");
        });

        await assert.rejects(slow, /awaited something other than its own queries/);
        await new Promise((resolve) => setImmediate(resolve));
        await store.transaction((tx) => add(tx, "b"));
        assert.deepEqual(await ids(store.read), ["b"]);
      }),
  );

  test(`${name}: a transaction is of no use once it has ended`, { skip }, () =>
    withStore(async (store) => {
      let kept: Tx | undefined;
      await store.transaction(async (tx) => {
        kept = tx;
      });

      await assert.rejects(add(kept!, "a"), /used after it had ended/);
    }),
  );

  test(`${name}: hooks run after the commit, in order, and not after a rollback`, { skip }, () =>
    withStore(async (store) => {
      const ran: string[] = [];
      await Promise.allSettled([
        store.transaction(async (tx) => {
          afterCommit(tx, () => ran.push("first"));
          afterCommit(tx, () => ran.push("second"));
          await add(tx, "a");
          assert.deepEqual(ran, []);
        }),
        store.transaction(async (tx) => {
          afterCommit(tx, () => ran.push("never"));
          throw new Error("no");
        }),
      ]);

      assert.deepEqual(ran, ["first", "second"]);
    }),
  );

  test(`${name}: the time stands still within a transaction, and ids are fresh`, { skip }, () =>
    withStore(async (store, platform) => {
      const start = platform.clock.now();
      await store.transaction(async (tx) => {
        assert.equal(now(tx), start);
        assert.notEqual(newId(tx), newId(tx));
      });
      await platform.clock.advance(5);

      assert.equal(now(store.read), start + 5);
    }),
  );

  test(`${name}: migrations run once, and data of a newer version is refused with a sentence`, {
    skip,
  }, async (t) => {
    const engine = await make();
    if (!engine.keepsData) return t.skip("keeps no data");
    const platform = testPlatform();
    for (const all of [migrations, [...migrations, later], [...migrations, later]]) {
      const store = engine.open(platform, all);
      await store.migrate();
      await store.close();
    }

    const old = engine.open(platform, migrations);
    await assert.rejects(
      old.migrate(),
      (error) => isFault(error, storeErrors.newer) && /0002-later/.test(error.message),
    );
    await old.close();
    engine.dispose();
  });

  test(`${name}: a migration that fails changes nothing`, { skip }, async () => {
    const engine = await make();
    const broken: Migration = {
      id: "store-test/0002-broken",
      sql: ["CREATE TABLE store_test_x (id TEXT)", "NONSENSE"],
    };
    const store = engine.open(testPlatform(), [...migrations, broken]);
    await assert.rejects(store.migrate());
    await assert.rejects(ids(store.read), /no such table|does not exist/);
    await store.close();
    engine.dispose();
  });

  test(`${name}: closing waits for what was taken, and takes nothing more`, { skip }, async () => {
    const engine = await make();
    const store = engine.open(testPlatform(), migrations);
    await store.migrate();
    const last = store.transaction((tx) => add(tx, "a"));

    await store.close();

    await last;
    assert.throws(() => store.transaction((tx) => add(tx, "b")), /closed/);
    engine.dispose();
  });
}

async function add(tx: Tx, id: string, values: { holder?: string; size?: number } = {}): Promise<void> {
  await tx
    .insertInto("store_test_items")
    .values({ id, holder: values.holder ?? null, size: values.size ?? 0, isBig: true })
    .execute();
}

async function ids(tx: Tx): Promise<string[]> {
  const rows = await tx.selectFrom("store_test_items").select("id").orderBy("id").execute();
  return rows.map(({ id }) => id);
}
