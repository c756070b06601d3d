// kill -9 of the whole cloud at random moments of its work: every operation ends, done or undone, what was
// acknowledged is kept, and nothing leaks. KILL_SEED chooses other moments.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Json } from "@micronova/client";
import { seededRandom } from "@micronova/kit";
import {
  type Acknowledged,
  deleteEverything,
  demoWork,
  type Found,
  leftovers,
  nothingYet,
  quiet,
  settleMs,
  smallImage,
  soundTables,
} from "../support/demo-work.ts";
import { eventually, type RunningCloud, startCloud } from "../support/running-cloud.ts";

const moments = 10;
// At once, so that one kill meets several operations in different places.
const stories = 3;

test(`the work of the demo survives kill -9 at ${moments} random moments`, async () => {
  const seed = Number(process.env["KILL_SEED"] ?? 20261123);
  const random = seededRandom(seed);
  const cloud = await startCloud({ virt: "fake", fakeHosts: 3, fakeDelayMs: 60 });
  try {
    await smallImage(await cloud.client());
    const wholeMs = await timed(() => work(cloud, nothingYet()));
    for (let moment = 0; moment < moments; moment++) {
      const afterMs = random.int(Math.ceil(wholeMs));
      const promised = nothingYet();
      await killedAfter(cloud, afterMs, promised);
      await cloud.up();
      await settled(cloud, promised).catch((cause) => {
        throw new Error(`KILL_SEED=${seed}, moment ${moment}, after ${afterMs} ms: ${cause.message}`, {
          cause,
        });
      });
    }
  } finally {
    await cloud.destroy();
  }
});

async function work(cloud: RunningCloud, promised: Acknowledged): Promise<void> {
  const client = await cloud.client();
  const all = Array.from({ length: stories }, (_, n) => demoWork(client, `s${n}`, promised));
  await Promise.all(all);
}

async function timed(what: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await what();
  return performance.now() - begun;
}

/** Only the kill may end the work with an error. */
async function killedAfter(cloud: RunningCloud, afterMs: number, promised: Acknowledged): Promise<void> {
  let isKilled = false;
  const ended = work(cloud, promised).then(
    () => null,
    (error: unknown) => (isKilled ? null : error),
  );
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  isKilled = true;
  await cloud.kill();
  assert.equal(await ended, null, "the work failed before the kill");
}

/** Waits until nothing is under way, compares the tables with the hosts, deletes all, and looks for leaks. */
async function settled(cloud: RunningCloud, promised: Acknowledged): Promise<void> {
  const client = await cloud.client();
  const found = await quiet(client);
  for (const kind of ["servers", "volumes"] as const)
    for (const id of promised[kind])
      assert.ok(
        found[kind].some((one) => one.id === id),
        `${kind}: ${id} was acknowledged and is gone`,
      );
  await soundTables(cloud);
  await eventually(
    async () => differences(cloud.dataDir, await quiet(client)),
    (all) => all.length === 0,
    settleMs,
  );

  await deleteEverything(client);

  await soundTables(cloud);
  const left = async () => [
    ...(await leftovers(client)),
    ...differences(cloud.dataDir, { servers: [], volumes: [] }),
  ];
  await eventually(left, (all) => all.length === 0, settleMs);
}

/** Where the fake hosts' files and the APIs tell different stories. */
function differences(dataDir: string, { servers, volumes }: Found): string[] {
  const guests = readdirSync(join(dataDir, "hosts")).flatMap((host) =>
    readList(join(dataDir, "hosts", host, "guests.json")).map(({ spec, power }) => ({
      host,
      id: spec.serverId,
      isRunning: power === "running",
      volumes: ids(spec.volumes, "volumeId"),
    })),
  );
  const running = servers.filter(({ status }) => status === "ACTIVE");
  const expected = running.map((server) => ({
    host: server["OS-EXT-SRV-ATTR:host"],
    id: server.id,
    isRunning: true,
    volumes: ids(server["os-extended-volumes:volumes_attached"], "id"),
  }));
  const stored = ids(readList(join(dataDir, "volumes.json")), "volumeId");
  const known = ids(
    volumes.filter(({ status }) => status !== "error"),
    "id",
  );
  return [
    ...unlike("guests", guests.map(asText).toSorted(), expected.map(asText).toSorted()),
    ...unlike("volumes", stored, known),
  ];
}

const asText = (value: unknown) => JSON.stringify(value);

const ids = (list: readonly Json[], key: string): string[] => list.map((one) => one[key]).toSorted();

function unlike(what: string, real: readonly string[], told: readonly string[]): string[] {
  return asText(real) === asText(told) ? [] : [`${what}: really ${asText(real)}, in the API ${asText(told)}`];
}

function readList(path: string): readonly Json[] {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
