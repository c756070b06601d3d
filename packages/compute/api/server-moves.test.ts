// Moving servers through the API: what is refused, what a move leaves behind, and how its record looks.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sameShape } from "@micronova/http/testing";
import { allocationsOn } from "@micronova/placement";
import { type TestCloud, type TestCloudOptions, testCloud } from "../testing.ts";

const samples = join(import.meta.dirname, "../../../../shared/api/samples/compute");
const skip = existsSync(samples) ? false : "the published samples are not beside the repository";

let cloud: TestCloud;
before(async () => {
  cloud = await testCloud({ hosts: 3 });
});
after(() => cloud.stop());

const act = (id: string, body: object, token = "admin", version = "2.79") =>
  cloud.ask({ method: "POST", path: `/servers/${id}/action`, body, token, version });

async function running(options: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const id = await cloud.boot(options);
  await cloud.reaches(id, "ACTIVE");
  return id;
}

const messageOf = ({ body }: { readonly body: unknown }) =>
  (Object.values(body as object)[0] as { message: string }).message;
const hostOf = async (id: string) =>
  (await cloud.store.read.selectFrom("servers").selectAll().where("id", "=", id).executeTakeFirstOrThrow())
    .host;
const holders = async () => {
  const nodes = await cloud.store.read.selectFrom("compute_nodes").select(["id", "host"]).execute();
  const held = await Promise.all(nodes.map(({ id }) => allocationsOn(cloud.store.read, id)));
  return Object.fromEntries(nodes.map(({ host }, at) => [host, held[at]!]));
};
const copies = async () =>
  (await Promise.all([...cloud.drivers.values()].map((driver) => driver.migration!.copies()))).flat();

test("a resized server is elsewhere, holds both hosts until it is confirmed, and one afterwards", async () => {
  const id = await running();
  const from = await hostOf(id);

  assert.equal((await act(id, { resize: { flavorRef: "2" } }, "member")).status, 202);
  const resized = await cloud.reaches(id, "VERIFY_RESIZE");

  const to = await hostOf(id);
  assert.notEqual(to, from);
  assert.equal((resized["flavor"] as { original_name: string }).original_name, "m1.small");
  const { body } = await cloud.ask({
    path: `/os-migrations?instance_uuid=${id}`,
    token: "admin",
    version: "2.80",
  });
  const [move] = (body as { migrations: Record<string, unknown>[] }).migrations;
  assert.deepEqual(
    [move!["status"], move!["migration_type"], move!["source_compute"], move!["dest_compute"]],
    ["finished", "resize", from, to],
  );
  const held = await holders();
  assert.equal(held[to!]![id]!.resources["MEMORY_MB"], 2048);
  assert.equal(held[from!]![String(move!["uuid"])]!.resources["MEMORY_MB"], 512);
  assert.equal((await copies()).length, 1);
  await cloud.assertInvariants();

  assert.equal((await act(id, { confirmResize: null }, "member")).status, 204);
  await cloud.reaches(id, "ACTIVE");

  assert.deepEqual((await holders())[from!], {});
  assert.deepEqual(await copies(), []);
});

test("a reverted server is back, with its old flavor and nothing left at the other end", async () => {
  const id = await running();
  const from = await hostOf(id);
  await act(id, { resize: { flavorRef: "2" } });
  await cloud.reaches(id, "VERIFY_RESIZE");
  const to = await hostOf(id);

  assert.equal((await act(id, { revertResize: null })).status, 202);
  const back = await cloud.reaches(id, "ACTIVE");

  assert.equal(await hostOf(id), from);
  assert.equal((back["flavor"] as { original_name: string }).original_name, "m1.tiny");
  assert.deepEqual((await holders())[to!]![id], undefined);
  assert.equal((await cloud.drivers.get(from!)!.info(id))!.power, "running");
  assert.equal(await cloud.drivers.get(to!)!.info(id), null);
  assert.deepEqual(await copies(), []);
  await cloud.assertInvariants();
});

test("a stopped server stays stopped wherever it goes", async () => {
  const id = await running();
  await act(id, { "os-stop": null });
  await cloud.reaches(id, "SHUTOFF");

  await act(id, { migrate: { host: (await hostOf(id)) === "h3" ? "h2" : "h3" } });
  const moved = await cloud.reaches(id, "VERIFY_RESIZE");
  assert.equal(moved["OS-EXT-STS:power_state"], 4);
  await act(id, { confirmResize: null });

  await cloud.reaches(id, "SHUTOFF");
});

test("a server that waits to be confirmed can be deleted, and nothing of it stays anywhere", async () => {
  const id = await running();
  await act(id, { migrate: null });
  await cloud.reaches(id, "VERIFY_RESIZE");

  await cloud.ask({ method: "DELETE", path: `/servers/${id}` });
  await cloud.gone(id);

  assert.deepEqual(
    (await copies()).filter(({ serverId }) => serverId === id),
    [],
  );
  await cloud.assertInvariants();
});

test("what cannot be moved, or not so, is refused in Nova's words", async () => {
  const id = await running();
  const host = await hostOf(id);
  const refused = async (body: object, token = "admin", version?: string) => {
    const answer = await act(id, body, token, version);
    return [answer.status, messageOf(answer)];
  };

  assert.deepEqual(await refused({ resize: { flavorRef: "1" } }), [
    400,
    "When resizing, instances must change flavor!",
  ]);
  assert.deepEqual(await refused({ resize: { flavorRef: "none" } }), [
    400,
    "Flavor none could not be found.",
  ]);
  assert.deepEqual(await refused({ migrate: { host } }), [
    400,
    `Server ${id} cannot be migrated to the same host where it is running.`,
  ]);
  assert.deepEqual(await refused({ migrate: { host: "nowhere" } }), [
    400,
    "Compute host nowhere could not be found.",
  ]);
  assert.deepEqual(await refused({ confirmResize: null }), [
    409,
    `Cannot 'confirmResize' instance ${id} while it is in vm_state active`,
  ]);
  assert.deepEqual(await refused({ migrate: null }, "member"), [
    403,
    "Policy doesn't allow os_compute_api:os-migrate-server:migrate to be performed.",
  ]);
  await cloud.reaches(id, "ACTIVE");
});

test("a server that would outgrow its project's quota stays as it is", async () => {
  const id = await running();
  const set = (ram: number) =>
    cloud.ask({
      method: "PUT",
      path: `/os-quota-sets/${"2".repeat(32)}`,
      token: "admin",
      body: { quota_set: { ram, force: true } },
    });
  await set(1);

  const answer = await act(id, { resize: { flavorRef: "2" } }, "member");

  assert.equal(answer.status, 403);
  assert.match(messageOf(answer), /^Quota exceeded for ram: Requested 1536, but already used \d+ of 1 ram$/);
  await set(-1);
  await cloud.reaches(id, "ACTIVE");
});

test("a move that no host can take leaves the server as it was, and says so in its record", async () => {
  const id = await running();
  for (const host of ["h1", "h2", "h3"]) await setStatus(host, { status: "disabled" });

  await act(id, { migrate: null });
  await cloud.until("the move is over", async () => (await lastMove(id)).status === "error");

  const server = await cloud.reaches(id, "ACTIVE");
  assert.equal(server["OS-EXT-STS:power_state"], 1);
  for (const host of ["h1", "h2", "h3"]) await setStatus(host, { status: "enabled" });
  await cloud.assertInvariants();
});

test("a host that cannot take the server costs nobody anything: the next one does", async () => {
  const options: TestCloudOptions = {
    hosts: 3,
    wrap: (driver, host) =>
      host === "h1"
        ? driver
        : { ...driver, migration: { ...driver.migration!, receive: failOnce(driver.migration!.receive) } },
  };
  const other = await testCloud(options);
  const id = await other.boot({ availability_zone: "nova:h1" }, "admin");
  await other.reaches(id, "ACTIVE");

  await other.ask({ method: "POST", path: `/servers/${id}/action`, body: { migrate: null }, token: "admin" });
  await other.reaches(id, "VERIFY_RESIZE");

  await other.assertInvariants();
  await other.stop();
});

let failures = 0;
function failOnce<A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) {
  return async (...args: A): Promise<R> => {
    if (failures++ === 0) throw new Error("no room after all");
    return work(...args);
  };
}

async function setStatus(host: string, body: object): Promise<void> {
  const services = await cloud.ask({ path: `/os-services?host=${host}`, token: "admin", version: "2.53" });
  const [{ id }] = (services.body as { services: [{ id: string }] }).services;
  const path = `/os-services/${id}`;
  assert.equal((await cloud.ask({ method: "PUT", path, token: "admin", version: "2.53", body })).status, 200);
}

const lastMove = (id: string) =>
  cloud.store.read
    .selectFrom("server_migrations")
    .selectAll()
    .where("server_id", "=", id)
    .orderBy("number", "desc")
    .executeTakeFirstOrThrow();

const versions = [
  ["2.1", ""],
  ["2.23", "v2.23/"],
  ["2.59", "v2.59/"],
  ["2.66", "v2.66/"],
  ["2.80", "v2.80/"],
] as const;
for (const [version, folder] of versions)
  test(`the record of moves is as published at ${version}`, { skip }, async () => {
    const { body } = await cloud.ask({ path: "/os-migrations", token: "admin", version });
    const path = join(samples, `os-migrations/${folder}migrations-get.json`);
    const golden = JSON.parse(readFileSync(path, "utf8"));
    // Only moves of running servers have links.
    for (const one of golden.migrations) delete one.links;

    assert.deepEqual(sameShape(body, golden), []);
  });

test("the record of moves is paged, and knows its filters by version", async () => {
  const list = (query: string, version = "2.80") =>
    cloud.ask({ path: `/os-migrations${query}`, token: "admin", version });

  const { body } = await list("?limit=1");
  const { migrations, migrations_links } = body as {
    migrations: { uuid: string }[];
    migrations_links: { href: string }[];
  };

  assert.equal(migrations.length, 1);
  assert.match(migrations_links[0]!.href, new RegExp(`limit=1&marker=${migrations[0]!.uuid}$`));
  assert.equal((await list("?marker=nothing")).status, 400);
  assert.equal((await list("?user_id=x", "2.79")).status, 400);
  assert.equal((await list("?color=blue", "2.58")).status, 200);
  assert.deepEqual(((await list("?status=queued")).body as { migrations: [] }).migrations, []);
});
