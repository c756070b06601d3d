// `micronova bus queues` and its like against a bus of their own: found by the data directory or by a URL, and
// said in one sentence when there is none.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Bus, connectAmqp } from "@micronova/amqp";
import { freePort } from "../support/free-port.ts";
import { realPlatform } from "../support/running-broker.ts";
import { type BusProcess, startBus } from "../support/running-bus.ts";
import { micronova, startCloud } from "../support/running-cloud.ts";

const dataDir = mkdtempSync(join(tmpdir(), "bus-commands-"));
let running: BusProcess;
let bus: Bus;

before(async () => {
  running = await startBus(dataDir);
  bus = connectAmqp(realPlatform, running.urls);
  await bus.declare({ name: "work", kind: "topic", durable: true });
  await bus.declareQueue({ name: "jobs", durable: true, bindings: [{ exchange: "work", key: "a.*" }] });
  for (const body of [1, 2]) await bus.publish({ exchange: "work", key: "a.b" }, { body });
});
after(async () => {
  await bus.close();
  if (running.child.exitCode === null) await running.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const here = ["--data-dir", dataDir];
const there = () => ["--url", running.management.replace("//", "//guest:guest@")];

test("queues are listed with the columns asked for, for people and for programs", async () => {
  const columns = ["name", "messages_ready", "messages_unacknowledged"];

  const table = await micronova(["bus", "queues", ...columns, ...here]);
  const value = await micronova(["bus", "queues", ...columns, "-f", "value", ...there()]);
  const csv = await micronova(["bus", "queues", "name", "arguments", "-f", "csv", ...here]);
  const json = await micronova(["bus", "queues", "-f", "json", ...here]);

  assert.deepEqual(
    [table.status, table.stderr, table.stdout],
    [0, "", "name  messages_ready  messages_unacknowledged\njobs  2               0\n"],
  );
  assert.deepEqual([value.status, value.stdout], [0, "jobs 2 0\n"]);
  assert.match(csv.stdout, /^name,arguments\njobs,/);
  assert.deepEqual(JSON.parse(json.stdout), [{ name: "jobs", messages: 2 }]);
});

test("exchanges, bindings, connections, channels and consumers are listed", async () => {
  const rows = async (...words: string[]) => {
    const { status, stdout, stderr } = await micronova(["bus", ...words, "-f", "json", ...here]);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  };

  assert.deepEqual((await rows("exchanges", "name", "type")).at(-1), { name: "work", type: "topic" });
  assert.deepEqual((await rows("bindings", "source_name", "destination_name", "routing_key")).at(-1), {
    source_name: "work",
    destination_name: "jobs",
    routing_key: "a.*",
  });
  assert.deepEqual(await rows("connections", "user", "state"), [{ user: "guest", state: "running" }]);
  assert.equal((await rows("channels")).length > 0, true);
  assert.deepEqual(await rows("consumers"), []);
  const status = await micronova(["bus", "status", ...here]);
  assert.match(status.stdout, /^The bus micronova@\S+ runs: Micronova .*\n.*\n.*amqp 127\.0\.0\.1:\d+/);
});

test("a virtual host, a column or a bus that is not there is said in one sentence", async () => {
  const said = async (...words: string[]) => {
    const { status, stdout, stderr } = await micronova(["bus", ...words]);
    assert.equal(stdout, "");
    return [status, stderr.replace(/http:\S+/, "URL").replace(/; there are .*/, "…")];
  };
  const free = await freePort();
  const nowhere = mkdtempSync(join(tmpdir(), "no-bus-"));

  assert.deepEqual(await said("queues", "--vhost", "nope", ...here), [
    1,
    "micronova: URL refused: Not Found.\n",
  ]);
  assert.deepEqual(await said("queues", "colour", ...here), [2, "micronova: There is no column colour…\n"]);
  assert.deepEqual(await said("queues", "--url", "amqp://x"), [
    1,
    "micronova: amqp://x is no URL like URL\n",
  ]);
  assert.deepEqual(await said("queues", "--url", `http://127.0.0.1:${free}`), [
    1,
    `micronova: URL cannot be reached: connect ECONNREFUSED 127.0.0.1:${free}.\n`,
  ]);
  assert.deepEqual(await said("queues", "--data-dir", nowhere), [
    1,
    `micronova: No bus runs on ${nowhere}; start one with \`micronova bus serve\`, or name one with --url.\n`,
  ]);
  rmSync(nowhere, { recursive: true });
});

test("a port that is taken is said in one sentence, and nothing stays open", async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "bus-port-"));
  const port = new URL(running.management).port;
  const amqpPort = new URL(running.urls[0]!).port;

  const management = ["--port", "0", "--management-port", port];
  const taken = await micronova(["bus", "serve", "--data-dir", elsewhere, ...management]);
  const amqp = await micronova(["bus", "serve", "--data-dir", elsewhere, "--port", amqpPort]);

  const [, lastLine] = taken.stderr.split("\n");
  assert.deepEqual(
    [taken.status, lastLine],
    [1, `micronova: Port ${port} on 127.0.0.1 is already in use; choose another with --management-port.`],
  );
  assert.equal(amqp.status, 1);
  assert.match(amqp.stderr, new RegExp(`^micronova: The bus cannot listen on port ${amqpPort} .*\n$`));
  rmSync(elsewhere, { recursive: true });
});

test("a cloud's own bus is shown to its administrator, and to nobody else", async () => {
  const cloud = await startCloud({ virt: "fake", fakeHosts: 2 });
  try {
    const where = ["--data-dir", cloud.dataDir];
    const queues = await micronova(["bus", "queues", "name", "consumers", "-f", "json", ...where]);
    const status = await micronova(["bus", "status", ...where]);
    const demo = await cloud.client("demo");

    assert.equal(queues.status, 0, queues.stderr);
    const rows: readonly { readonly name: string; readonly consumers: number }[] = JSON.parse(queues.stdout);
    assert(rows.some(({ name, consumers }) => name === "scheduler" && consumers === 1));
    assert.match(status.stdout, /listens {6}to nobody by socket/);
    await assert.rejects(demo.call("bus", "/overview"), { status: 401 });
    const origin = demo.endpoint("bus").replace("/bus/api", "");
    const answers = await Promise.all(
      ["/bus/api/overview", "/bus/metrics", "/bus/metrics/per-object"].map((path) => fetch(origin + path)),
    );
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [401, 200, 401],
    );
  } finally {
    await cloud.destroy();
  }
});

test("the way in is nobody else's to read, and gone with the bus", async () => {
  const file = join(dataDir, "run", "bus.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);

  running.kill();
  await new Promise((resolve) => running.child.once("exit", resolve));
  const killed = await micronova(["bus", "queues", ...here]);
  running = await startBus(dataDir);
  const again = await micronova(["bus", "queues", "name", "-f", "value", ...here]);
  await running.stop();
  const stopped = await micronova(["bus", "status", ...here]);

  assert.match(killed.stderr, /^micronova: No bus runs on /);
  assert.deepEqual([again.status, again.stdout], [0, "jobs\n"]);
  assert.deepEqual([killed.status, stopped.status, existsSync(file)], [1, 1, false]);
});
