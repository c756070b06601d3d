// The engine's own proof: a build of a server on hosts that may be bad, killed at every effect and every pair
// of effects, with every step failing, every call twice, and every call once more at every later moment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { errorTable, type Uuid } from "@micronova/kit";
import { contract, method } from "@micronova/rpc";
import { saga } from "./index.ts";
import {
  everyCallComesLate,
  everyStepFails,
  everyStepTwice,
  killedAtEveryEffect,
  type SagaWorld,
} from "./testing.ts";

declare module "@micronova/store" {
  interface Tables {
    killed_servers: { id: string; state: string; host: string | null };
    killed_claims: { server_id: string; host: string };
  }
}

const worker = contract("compute", {
  spawn: method<{ id: Uuid }, { console: string }>({ timeoutMs: 60_000 }),
  destroy: method<{ id: Uuid }>({ timeoutMs: 60_000 }),
});
const errors = errorTable("killed-test", {
  bad: { status: 500, text: (host: string) => `${host} is bad.`, retriable: true },
  noValidHost: { status: 409, text: () => "No host fits." },
});

interface Params {
  readonly id: Uuid;
  readonly hosts: readonly string[];
}

const serverCreate = saga<Params>("server-create")
  .local("ports", {
    do: async (tx, { params }) => {
      await tx.insertInto("killed_claims").values({ server_id: params.id, host: "port" }).execute();
    },
    undo: async (tx) => {
      await tx.deleteFrom("killed_claims").where("host", "=", "port").execute();
    },
  })
  .query("schedule", {
    do: async (_env, { params, attempt }) => {
      const host = params.hosts[attempt - 1];
      if (host === undefined) throw errors.noValidHost();
      return host;
    },
  })
  .local("claim", {
    do: async (tx, { params, outputs }) => {
      await tx.insertInto("killed_claims").values({ server_id: params.id, host: outputs.schedule }).execute();
      return outputs.schedule;
    },
    undo: async (tx, { outputs }) => {
      const gone = await tx
        .deleteFrom("killed_claims")
        .where("host", "=", outputs.schedule)
        .returning("host")
        .execute();
      assert.equal(gone.length, 1, "a local step is undone only if it was done, and once");
    },
  })
  .remote("spawn", {
    do: ({ rpc }, { params, outputs }) => rpc.on(worker, outputs.claim).spawn({ id: params.id }),
    undo: ({ rpc }, { params, outputs }) => rpc.on(worker, outputs.claim).destroy({ id: params.id }),
  })
  .retryFrom("schedule", 3)
  .local("activate", {
    do: async (tx, { params, outputs }) => {
      await tx
        .updateTable("killed_servers")
        .set({ state: "ACTIVE", host: outputs.claim })
        .where("id", "=", params.id)
        .where("state", "=", "BUILDING")
        .executeTakeFirstOrThrow();
    },
    undo: async (tx, { params }) => {
      await tx
        .updateTable("killed_servers")
        .set({ state: "BUILDING", host: null })
        .where("id", "=", params.id)
        .execute();
    },
  })
  .onUnwound(async (tx, { params }) => {
    await tx.updateTable("killed_servers").set({ state: "ERROR" }).where("id", "=", params.id).execute();
  })
  .build();

function worldWith(bad: readonly string[]): SagaWorld<Params> {
  return {
    migrations: [
      {
        id: "killed-test/0001",
        sql: [
          "CREATE TABLE killed_servers (id TEXT PRIMARY KEY, state TEXT NOT NULL, host TEXT)",
          "CREATE TABLE killed_claims (server_id TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (server_id, host))",
        ],
      },
    ],
    async open({ platform, store, rpc }) {
      const id = platform.random.uuid();
      const running = new Set<string>();
      for (const host of ["h1", "h2"]) {
        await rpc
          .serve(worker, host, {
            async spawn() {
              // A spawn that fails may well have left something behind.
              running.add(host);
              if (bad.includes(host)) throw errors.bad(host);
              return { console: host };
            },
            async destroy() {
              running.delete(host);
            },
          })
          .start();
      }
      await store.transaction((tx) =>
        tx.insertInto("killed_servers").values({ id, state: "BUILDING", host: null }).execute(),
      );
      return {
        params: { id, hosts: ["h1", "h2"] },
        subject: { kind: "server", id },
        async check(outcome) {
          const server = await store.read.selectFrom("killed_servers").selectAll().executeTakeFirstOrThrow();
          const claims = await store.read
            .selectFrom("killed_claims")
            .select("host")
            .orderBy("host")
            .execute();
          const hosts = claims.map(({ host }) => host);
          if (outcome.state === "finished") {
            assert.deepEqual([[...running], hosts], [[server.host], [server.host, "port"]]);
            assert.equal(server.state, "ACTIVE");
          } else {
            assert.deepEqual([[...running], hosts, server.state], [[], [], "ERROR"]);
          }
          return `${server.state} ${server.host}`;
        },
      };
    },
  };
}

for (const bad of [[], ["h1"], ["h1", "h2"]]) {
  const name = bad.length === 0 ? "good hosts" : `bad ${bad.join(" and ")}`;
  test(`${name}: killed at every effect, the saga ends as if it had not been`, async () => {
    const runs = await killedAtEveryEffect(serverCreate, worldWith(bad), { pairs: bad.length === 1 });

    assert(runs > 100, `${runs} runs`);
  });
  test(`${name}: every step may fail, and every call may come twice`, async () => {
    await everyStepFails(serverCreate, worldWith(bad));
    await everyStepTwice(serverCreate, worldWith(bad));
  });
  test(`${name}: a call that comes again at any later moment does nothing`, async () => {
    const runs = await everyCallComesLate(serverCreate, worldWith(bad));

    assert(runs > 50, `${runs} runs`);
  });
}
