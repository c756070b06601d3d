// A cloud on RabbitMQ whose bus goes away in the middle of its work: RabbitMQ is killed and started again,
// nodes of a cluster are killed one after another, the wire falls silent. Everything that was promised ends,
// done or refused with a reason, and nothing leaks.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Client } from "@micronova/client";
import { bootServer, nothingYet, smallImage, withoutQuotas } from "../support/demo-work.ts";
import { eventually, micronova, type RunningCloud, startCloud } from "../support/running-cloud.ts";
import { rabbitMissing, startRabbit, startRabbitCluster } from "../support/running-rabbit.ts";
import { settled } from "../support/settled.ts";
import { startProxy } from "../support/tcp-proxy.ts";

const skip = rabbitMissing;

test("a cloud goes on when RabbitMQ is killed and comes back", { skip }, async (t) => {
  const rabbit = await startRabbit();
  try {
    await withCloud([rabbit.url], {}, async (cloud) => {
      await troubled(t, cloud, async () => {
        await rabbit.kill();
        await rabbit.start();
      });
    });
  } finally {
    await rabbit.stop();
  }
});

test("a cloud goes on when nodes of its RabbitMQ cluster are killed", { skip }, async (t) => {
  const cluster = await startRabbitCluster(3);
  try {
    await withCloud(cluster.urls, { queue_type: "quorum" }, async (cloud) => {
      const [first, second] = cluster.nodes;
      // The cloud is connected to the first of its list.
      await troubled(t, cloud, () => first!.kill());
      await first!.start();
      await troubled(t, cloud, () => second!.kill());
    });
  } finally {
    await cluster.stop();
  }
});

test("a cloud goes on when its connection to RabbitMQ is cut without a word", { skip }, async (t) => {
  const rabbit = await startRabbit();
  const proxy = await startProxy(rabbit.port);
  try {
    const url = `amqp://guest:guest@127.0.0.1:${proxy.port}`;
    await withCloud([url], { heartbeat_seconds: 2 }, async (cloud) => {
      await troubled(t, cloud, async () => proxy.silence());
    });
  } finally {
    await proxy.stop();
    await rabbit.stop();
  }
});

test("a cloud that is stopped without its RabbitMQ goes on when both are back", { skip }, async () => {
  const rabbit = await startRabbit();
  try {
    await withCloud([rabbit.url], {}, async (cloud) => {
      const client = await cloud.client();
      const imageRef = await smallImage(client);
      const promised = nothingYet();
      for (const name of ["one", "two", "three", "four"])
        promised.servers.add(await bootServer(client, { name, imageRef }));
      await rabbit.kill();
      const { status, stderr } = await micronova(["down", "--data-dir", cloud.dataDir]);
      assert.equal(status, 0, stderr);
      await rabbit.start();
      await cloud.up();

      await settled(cloud, promised);
    });
  } finally {
    await rabbit.stop();
  }
});

type Settings = Readonly<Record<string, string | number>>;

async function withCloud(
  urls: readonly string[],
  settings: Settings,
  act: (cloud: RunningCloud) => Promise<void>,
): Promise<void> {
  const lines = Object.entries({ ...settings, urls }).map(
    ([name, value]) => `${name} = ${JSON.stringify(value)}`,
  );
  const config = ["[bus]", ...lines, ""].join("\n");
  const cloud = await startCloud({ virt: "fake", fakeHosts: 3, fakeDelayMs: 100, config });
  try {
    await act(cloud);
  } finally {
    await cloud.destroy();
  }
}

const serversCount = 40;
// Of those that boot at once, so that one outage meets them in different places.
const atOnce = 4;

/** Boots servers and deletes every other one; the trouble comes when some are there. */
async function troubled(t: TestContext, cloud: RunningCloud, trouble: () => Promise<unknown>): Promise<void> {
  const client = await cloud.client();
  await withoutQuotas(client);
  const imageRef = await smallImage(client);
  const promised = nothingYet();
  const ends = { ACTIVE: 0, ERROR: 0 };
  let left = serversCount;
  let since = 0;
  let over: Promise<unknown> | null = null;
  const bootNext = async (): Promise<void> => {
    if (left === 0) return;
    const n = left--;
    const id = await bootServer(client, { name: `s${n}`, imageRef });
    promised.servers.add(id);
    ends[await endOf(client, id)]++;
    if (n % 2 === 0) {
      promised.servers.delete(id);
      await client.call("compute", `/servers/${id}`, { method: "DELETE" });
    }
    if (over === null && ends.ACTIVE > serversCount / 4) {
      since = Date.now();
      over = trouble();
    }
    await bootNext();
  };
  await Promise.all(Array.from({ length: atOnce }, bootNext));
  await over;
  t.diagnostic(`without a bus for ${outageAfter(cloud, since)} ms; servers ${JSON.stringify(ends)}`);
  await settled(cloud, promised);
}

/** How its boot ended, one way or the other. */
async function endOf(client: Client, id: string): Promise<"ACTIVE" | "ERROR"> {
  const { server } = await eventually(
    () => client.call("compute", `/servers/${id}`),
    ({ server: { status } }) => status === "ACTIVE" || status === "ERROR",
  );
  return server.status;
}

/** How long it was until the cloud had a bus again, by its own log. */
function outageAfter({ dataDir }: RunningCloud, since: number): number {
  const lines = readFileSync(join(dataDir, "log", "cloud.log"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ time }) => time >= since);
  const lost = lines.find(({ msg }) => msg === "connection to the broker lost");
  const found = lines.find(({ msg }) => msg === "connected to the broker");
  assert.ok(lost !== undefined && found !== undefined, "the bus was not lost, or never found again");
  return found.time - since;
}
