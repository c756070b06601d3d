// The roles of a cloud as processes of their own: started in any order, on our own broker and on RabbitMQ.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connectionsOf } from "../support/connections.ts";
import { demoWork, nothingYet, smallImage } from "../support/demo-work.ts";
import { freePort } from "../support/free-port.ts";
import { eventually, main, micronova, program, root } from "../support/running-cloud.ts";
import { RunningProgram } from "../support/running-program.ts";
import { rabbitMissing, startRabbit } from "../support/running-rabbit.ts";
import { type RoleCloud, type RoleProcess, roleCloud } from "../support/running-roles.ts";

const analyzeMissing = existsSync("/usr/bin/systemd-analyze") ? false : "systemd is not installed";

const configOf = (bus: readonly string[]) => ["[bus]", ...bus, "[virt]", 'driver = "fake"', ""].join("\n");

async function withRoles(bus: readonly string[], act: (cloud: RoleCloud) => Promise<void>): Promise<void> {
  const cloud = roleCloud(configOf(bus));
  try {
    await act(cloud);
  } finally {
    await cloud.stop();
  }
}

test("roles start in any order, wait for what is not there and say so", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  await withRoles([`urls = ["amqp://${address}"]`, `listen = "${address}"`], async (cloud) => {
    const workers: RoleProcess[] = [];
    for (const role of ["compute", "network", "volume"])
      workers.push(await cloud.start({ role, host: `h1-${role}` }));
    const controller = await cloud.start({
      role: "api,conductor,scheduler",
      host: "c1",
      args: ["--port", "0"],
    });
    for (const one of [...workers, controller]) {
      const [status, text] = await eventually(
        () => one.health("/readyz").catch(() => [0, ""] as const),
        ([_, waiting]) => waiting.includes("bus"),
      );
      assert.equal(status, 503);
      assert.match(text, new RegExp(`^waiting for bus: .*${address}`, "m"));
      assert.deepEqual(await one.health("/healthz"), [200, "ok\n"]);
    }

    const broker = await cloud.start({ role: "broker", host: "b1" });

    for (const one of cloud.processes) {
      await one.ready();
      assert.deepEqual(await one.health("/readyz"), [200, "ready\n"]);
    }
    assert.match((await controller.health("/metrics"))[1], /^# TYPE micronova_/m);
    assert.ok(!existsSync(join(workers[0]!.dataDir, "cloud.db")), "a worker has a database");

    await broker.end("SIGKILL");
    const [, text] = await eventually(
      () => workers[0]!.health("/readyz"),
      ([status]) => status === 503,
    );
    assert.match(text, /^waiting for bus: /m);
  });
});

test("separate workers do the demo's work, and roles that are told to stop leave nothing", {
  skip: rabbitMissing,
}, async () => {
  const rabbit = await startRabbit();
  try {
    await withRoles([`urls = ["${rabbit.url}"]`], async (cloud) => {
      const controller = await cloud.start({
        role: "api,conductor,scheduler",
        host: "c1",
        args: ["--port", "0"],
      });
      const workers = [
        await cloud.start({ role: "compute", host: "h1" }),
        await cloud.start({ role: "network", host: "h1" }),
        await cloud.start({ role: "volume", host: "v1" }),
        await cloud.start({ role: "compute,network", host: "h2" }),
      ];
      for (const one of cloud.processes) await one.ready();
      const client = await cloud.client(controller);
      await eventually(
        () => client.call("compute", "/os-services?binary=nova-compute"),
        ({ services }) => services.length === 2,
      );
      await eventually(
        () => client.call("volumev3", "/os-services"),
        ({ services }) => services.length === 1,
      );
      await smallImage(client);

      await Promise.all(["one", "two", "three"].map((name) => demoWork(client, name, nothingYet())));

      const { status, stdout, stderr } = await micronova(["doctor", "--data-dir", controller.dataDir]);
      assert.equal(status, 0, stdout + stderr);
      for (const one of workers) assert.equal(connectionsOf(one.pid()), 1, `${one.role} of ${one.host}`);
      for (const one of [...workers, controller]) {
        assert.equal(await one.end("SIGTERM"), 0);
        const run = readdirSync(join(one.dataDir, "run"));
        assert.deepEqual(
          run.filter((name) => name === `${one.role}.pid`),
          [],
        );
        const log = readFileSync(join(one.dataDir, "log", `${one.role.replaceAll(",", "-")}.log`), "utf8");
        assert.doesNotMatch(log, /"level":50/);
      }
    });
  } finally {
    await rabbit.stop();
  }
});

test("what cannot work together is refused with a sentence", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  await withRoles([`urls = ["amqp://${address}"]`, `listen = "${address}"`], async (cloud) => {
    const first = await cloud.start({ role: "conductor", host: "c1" });
    await eventually(
      () => first.health("/readyz").catch(() => [0, ""] as const),
      ([status]) => status !== 0,
    );
    const serve = (...args: readonly string[]) =>
      micronova([
        "serve",
        "--config",
        join(cloud.dir, "micronova.toml"),
        "--data-dir",
        first.dataDir,
        ...args,
      ]);

    const refused = [
      [["--role", "conductor"], /The role conductor runs on .* already \(process \d+\)/],
      [
        ["--role", "scheduler"],
        /SQLite is for one: set store.url, or give api, conductor and scheduler to one process/,
      ],
      [["--role", "scheduler", "--name", "other"], /is called c1, and its servers/],
      [["--role", "cook"], /There is no role cook; roles are api, conductor/],
    ] as const;
    for (const [args, sentence] of refused) {
      const { status, stderr } = await serve(...args);
      assert.equal(status, 1);
      assert.match(stderr, sentence);
    }
    const up = await micronova(["up", "--data-dir", first.dataDir, "--virt", "fake", "--port", "0"]);
    assert.match(up.stderr, /The role conductor runs on/);
  });
});

test("systemd is told that a process has started, what it waits for, and that it stops", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  await withRoles([`listen = "${address}"`], async ({ dir }) => {
    const told = join(dir, "told");
    writeFileSync(join(dir, "systemd-notify"), `#!/bin/sh\necho "$@" >>${told}\n`, { mode: 0o755 });
    const env = { NOTIFY_SOCKET: "/nowhere", PATH: `${dir}:${process.env["PATH"]}` };
    const where = ["--config", join(dir, "micronova.toml"), "--data-dir", join(dir, "b1"), "--name", "b1"];
    const broker = new RunningProgram([process.execPath, main, "serve", "--role", "broker", ...where], env);
    await broker.until("micronova: broker of b1: ready");

    await broker.end("SIGTERM");

    assert.deepEqual(readFileSync(told, "utf8").trim().split("\n"), [
      "--ready --status=broker of b1: starting",
      "--status=broker of b1: ready",
      "--stopping --status=broker of b1: stopping",
    ]);
  });
});

test("the units for systemd are sound", { skip: analyzeMissing }, async () => {
  const units = readdirSync(join(root, "deploy", "systemd"));
  assert.ok(units.length > 0);
  const dir = mkdtempSync(join(tmpdir(), "micronova-units-"));
  try {
    for (const unit of units) {
      const text = readFileSync(join(root, "deploy", "systemd", unit), "utf8");
      writeFileSync(join(dir, unit), text.replaceAll("/opt/micronova", root));
    }

    const { stdout, stderr } = await program("systemd-analyze", [
      "verify",
      ...units.map((unit) => join(dir, unit)),
    ]);

    assert.equal(stdout + stderr, "");
  } finally {
    rmSync(dir, { recursive: true });
  }
});
