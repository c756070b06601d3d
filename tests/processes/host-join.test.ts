// A machine joins a cloud with one command, on our own broker and on RabbitMQ: its bus user may do what its
// workers need and nothing else, and what it may ends when it is removed.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connectAmqp } from "@micronova/amqp";
import { cloudConfig } from "@micronova/cloud";
import { readConfig } from "@micronova/kit/config";
import { smallImage } from "../support/demo-work.ts";
import { freePort } from "../support/free-port.ts";
import { realPlatform } from "../support/running-broker.ts";
import {
  eventually,
  main,
  micronova,
  program,
  type RunningCloud,
  startCloud,
} from "../support/running-cloud.ts";
import { RunningProgram } from "../support/running-program.ts";
import { rabbitMissing, startRabbit } from "../support/running-rabbit.ts";

interface Bus {
  readonly name: string;
  readonly skip: string | false;
  /** Lines of the section `bus`. */
  start(): Promise<{ readonly lines: readonly string[]; stop(): Promise<void> }>;
}

const buses: readonly Bus[] = [
  {
    name: "the broker inside",
    skip: false,
    start: async () => ({ lines: [`listen = "127.0.0.1:${await freePort()}"`], stop: async () => {} }),
  },
  {
    name: "RabbitMQ",
    skip: rabbitMissing,
    async start() {
      const rabbit = await startRabbit({ plugins: ["rabbitmq_management"] });
      const management = `http://guest:guest@127.0.0.1:${rabbit.managementPort}`;
      return {
        lines: [`urls = ["${rabbit.url}"]`, `management_url = "${management}"`],
        stop: () => rabbit.stop(),
      };
    },
  },
];

for (const bus of buses)
  test(`a host joins by ${bus.name}, works, keeps to its own, and is removed`, {
    skip: bus.skip,
  }, async () => {
    const running = await bus.start();
    const config = ["[bus]", ...running.lines, ""].join("\n");
    const cloud = await startCloud({ virt: "fake", config });
    const dir = mkdtempSync(join(tmpdir(), "micronova-join-"));
    const hosts: RunningProgram[] = [];
    try {
      const dataDir = join(dir, "h1");
      const token = await tokenOf(cloud, ["--host", "h1"]);
      const elsewhere = await micronova(["join", token, "--name", "h2", "--data-dir", join(dir, "h2")]);
      assert.match(elsewhere.stderr, /The token is not one of this cloud/);

      const h1 = joining(token, "h1", dataDir);
      hosts.push(h1);
      await h1.until("micronova: compute, network of h1: ready");

      const again = await micronova(["join", token, "--name", "h1", "--data-dir", join(dir, "again")]);
      assert.equal(again.status, 1);
      assert.match(again.stderr, /was used/);
      await hasCertificate(cloud, dataDir);
      await bootsOn(cloud, "h1");
      await keepsToItsOwn(dataDir);

      const busy = await micronova(["host", "remove", "h1", "--data-dir", cloud.dataDir]);
      assert.match(busy.stderr, /instances/);
      await deleteAll(cloud);
      const removed = await micronova(["host", "remove", "h1", "--data-dir", cloud.dataDir]);
      assert.equal(removed.status, 0, removed.stderr);
      const listed = await micronova(["host", "list", "--format", "json", "--data-dir", cloud.dataDir]);
      assert.deepEqual(JSON.parse(listed.stdout), []);
      await assert.rejects(asTheHost(dataDir, async () => undefined));
    } finally {
      for (const host of hosts) await host.end("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
      await cloud.destroy();
      await running.stop();
    }
  });

test("a cloud whose bus is not for others makes no tokens, and a wrong token is told so", async () => {
  const cloud = await startCloud({ virt: "fake" });
  const dir = join(tmpdir(), `micronova-never-${process.pid}`);
  try {
    const token = await micronova(["host", "token", "--data-dir", cloud.dataDir]);
    assert.match(token.stderr, /Hosts cannot join: .* set bus.listen/);
    const wrong = await micronova(["join", "micronova-host-xyz", "--data-dir", dir]);
    assert.match(wrong.stderr, /That is no token/);
    assert.ok(!existsSync(dir), "a refused host keeps nothing");
  } finally {
    await cloud.destroy();
  }
});

async function tokenOf(cloud: RunningCloud, args: readonly string[]): Promise<string> {
  const made = await micronova(["host", "token", "--data-dir", cloud.dataDir, ...args]);
  assert.equal(made.status, 0, made.stderr);
  return made.stdout.trim();
}

function joining(token: string, name: string, dataDir: string): RunningProgram {
  const bound = ["setpriv", "--pdeathsig", "KILL", process.execPath, main];
  return new RunningProgram([
    ...bound,
    ...["join", token, "--name", name, "--data-dir", dataDir, "--virt", "fake"],
  ]);
}

async function bootsOn(cloud: RunningCloud, host: string): Promise<void> {
  const client = await cloud.client();
  await eventually(
    () => client.call("compute", `/os-services?host=${host}`),
    ({ services }) => services.length === 1,
  );
  const imageRef = await smallImage(client);
  const { flavors } = await client.call("compute", "/flavors");
  const { server } = await client.call("compute", "/servers", {
    method: "POST",
    body: {
      server: { name: "s", imageRef, flavorRef: flavors[0].id, availability_zone: `nova:${host}` },
    },
  });
  const { server: shown } = await eventually(
    () => client.call("compute", `/servers/${server.id}`),
    ({ server: { status } }) => status !== "BUILD",
  );
  assert.deepEqual([shown.status, shown["OS-EXT-SRV-ATTR:host"]], ["ACTIVE", host]);
}

/** Of the cloud's authority, for its name. */
async function hasCertificate(cloud: RunningCloud, dataDir: string): Promise<void> {
  const authority = join(cloud.dataDir, "tls", "authority", "ca.pem");
  const cert = join(dataDir, "tls", "host", "host.pem");
  const verified = await program("openssl", ["verify", "-CAfile", authority, "-verify_hostname", "h1", cert]);
  assert.equal(verified.status, 0, verified.stderr);
}

async function deleteAll(cloud: RunningCloud): Promise<void> {
  const client = await cloud.client();
  const { servers } = await client.call("compute", "/servers");
  for (const { id } of servers) await client.call("compute", `/servers/${id}`, { method: "DELETE" });
  await eventually(
    () => client.call("compute", "/servers"),
    ({ servers: left }) => left.length === 0,
  );
}

/** With the host's own user: other hosts' and roles' queues are closed to it. */
async function keepsToItsOwn(dataDir: string): Promise<void> {
  for (const name of ["conductor", "compute.fake-001"])
    await asTheHost(dataDir, async (bus) => {
      const queue = { name, durable: true };
      await assert.rejects(
        bus.consume(queue, { prefetch: 1 }, async () => {}),
        /access|ACCESS_REFUSED|refused/,
      );
    });
}

async function asTheHost(
  dataDir: string,
  act: (bus: ReturnType<typeof connectAmqp>) => Promise<void>,
): Promise<void> {
  const options = { path: join(dataDir, "host.toml"), overrides: { data_dir: dataDir } };
  const bus = connectAmqp(realPlatform, readConfig(cloudConfig, options).bus.urls);
  try {
    await bus.connected(5_000);
    await act(bus);
  } finally {
    await bus.close();
  }
}
