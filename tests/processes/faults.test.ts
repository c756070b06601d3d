// A cloud that fails on purpose, from outside: with the stock client and plain HTTP, rules at the edge and
// inside. What follows from a fault is what would follow from a real one, and it all ends well.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import type { Client } from "@micronova/client";
import { runningPid } from "@micronova/cloud";
import { bootServer, everything, nothingYet, quiet, serverIs, smallImage } from "../support/demo-work.ts";
import { eventually, micronova, type RunningCloud, startCloud } from "../support/running-cloud.ts";
import { settled } from "../support/settled.ts";

const isMissing = existsSync("/usr/bin/openstack")
  ? false
  : "the package python3-openstackclient is not installed";

let cloud: RunningCloud;
let client: Client;
let imageRef: string;
before(async () => {
  cloud = await startCloud({ virt: "fake", fakeHosts: 2, faultSeed: "7" });
  client = await cloud.client();
  imageRef = await smallImage(client);
});
afterEach(async () => {
  await fault("clear");
  await settled(cloud, nothingYet());
});
after(() => cloud.destroy());

/** Runs `micronova fault …`, which must succeed; answers what it printed. */
async function fault(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await micronova(["fault", ...words, "--data-dir", cloud.dataDir]);
  assert.equal(status, 0, stderr);
  return stdout;
}

const boot = (name: string) => bootServer(client, { name, imageRef });

test("a cloud that was not started for it has no faults", async () => {
  const ordinary = await startCloud({ virt: "fake" });
  try {
    const { status, stderr } = await micronova(["fault", "list", "--data-dir", ordinary.dataDir]);
    const answer = await fetch((await ordinary.client()).endpoint("identity"));
    const said = await micronova(["status", "--data-dir", ordinary.dataDir]);

    assert.deepEqual(
      [status, stderr],
      [1, "micronova: This cloud was not started with --faults, so nothing of it fails on purpose.\n"],
    );
    assert.equal(answer.headers.get("x-micronova-faults"), null);
    assert.doesNotMatch(said.stdout, /faults/);
  } finally {
    await ordinary.destroy();
  }
});

test("a client sees 429 and when to come again, and succeeds when it does", async () => {
  const busy = [
    "--status",
    "429",
    "--retry-after",
    "2",
    "--method",
    "GET",
    "--path",
    "/compute/v2.1/flavors",
  ];
  await fault("add", "http", "answer", ...busy, "--hits", "1", "--id", "busy");
  const url = `${client.endpoint("compute")}/flavors`;
  const login = await fetch(`${client.endpoint("identity").replace(/\/v3$/, "")}/v3`);

  const refused = await fetch(url);
  const again = await fetch(url);

  assert.equal(login.headers.get("x-micronova-faults"), "on");
  assert.deepEqual(
    [refused.status, refused.headers.get("retry-after"), refused.headers.get("x-micronova-fault")],
    [429, "2", "busy"],
  );
  assert.deepEqual(await refused.json(), {
    overLimit: { code: 429, message: "Fault rule busy asks for this answer.", retryAfter: "2" },
  });
  assert.deepEqual([again.status, again.headers.get("x-micronova-fault")], [401, null]);
});

test("the stock client tells its user of a 429, and works again when the rule is spent", {
  skip: isMissing,
}, async () => {
  const limited = ["--status", "429", "--retry-after", "1", "--path", "/compute/v2.1/servers/detail"];
  await fault("add", "http", "answer", ...limited, "--message", "Slow down.", "--hits", "1");

  const refused = await cloud.openstack(["server", "list"]);
  const again = await cloud.openstack(["server", "list", "-f", "json"]);

  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /429|Slow down/);
  assert.deepEqual([again.status, JSON.parse(again.stdout)], [0, []]);
});

test("a server whose creation nobody heard of is there", { skip: isMissing }, async () => {
  const dropped = ["--moment", "after", "--method", "POST", "--path", "/compute/v2.1/servers"];
  await fault("add", "http", "drop", ...dropped, "--first", "2");

  await assert.rejects(boot("by-http"), /fetch failed/);
  const said = await cloud.openstack([
    ...["server", "create", "--image", "tiny", "--flavor", "m1.tiny", "--network", "private", "by-client"],
  ]);

  assert.notEqual(said.status, 0);
  assert.match(said.stderr, /Unable to establish connection|Connection aborted|RemoteDisconnected/);
  const { servers } = await quiet(client);
  const found = servers.map(({ name, status }) => [name, status]);
  assert.deepEqual(found.toSorted(), [
    ["by-client", "ACTIVE"],
    ["by-http", "ACTIVE"],
  ]);
});

test("twenty servers end well while one message in twenty is lost, and one repeated", async () => {
  await fault("add", "bus", "lose", "--probability", "0.05", "--id", "lossy");
  await fault("add", "bus", "repeat", "--probability", "0.05", "--ms", "200");

  // Beyond the quota for ten instances some are refused, as they should be.
  const asked = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => boot(`s${n}`)));

  const accepted = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const done = ({ servers }: Awaited<ReturnType<typeof everything>>) =>
    servers.length === accepted.length &&
    servers.every(({ status, fault: why }) => status === "ACTIVE" || (status === "ERROR" && why.message));
  const { servers } = await eventually(() => everything(client), done, 120_000);
  const guests = servers.filter(({ status }) => status === "ACTIVE").map(({ id }) => id);
  assert.equal(new Set(guests).size, guests.length);
  const log = JSON.parse(await fault("log", "-f", "json"));
  assert.ok(
    log.some(({ rule }: { rule: string }) => rule === "lossy"),
    "nothing was lost",
  );
});

test("a server whose guest does not start on one host ends on another", async () => {
  await fault("add", "driver", "fail", "--driver", "virt", "--method", "spawn", "--nth", "1");

  const id = await boot("unlucky");
  await serverIs(client, id, "ACTIVE");

  const { server } = await client.call("compute", `/servers/${id}`);
  const [hit] = JSON.parse(await fault("log", "-f", "json", "--limit", "1"));
  const failed = hit.where.replace(" virt.spawn", "");
  assert.match(failed, /^fake-00[12]$/);
  assert.notEqual(server["OS-EXT-SRV-ATTR:host"], failed);
  assert.match(hit.request_id, /^req-/);
});

test("a frozen worker is shown deaf by status and by the doctor, and hears again", async () => {
  await fault("add", "bus", "freeze", "--queue", "compute.fake-001");
  const here = ["--data-dir", cloud.dataDir];
  const said = /nova-compute on fake-001 is deaf since/;

  const { stdout } = await eventually(
    () => micronova(["status", ...here]),
    (status) => said.test(status.stdout),
  );
  const doctor = await micronova(["doctor", ...here]);
  const id = await boot("elsewhere");
  await serverIs(client, id, "ACTIVE");
  const { server } = await client.call("compute", `/servers/${id}`);
  await fault("clear");
  await eventually(
    () => micronova(["status", ...here]),
    (status) => !said.test(status.stdout),
  );

  assert.match(stdout, /faults +ON, seed 7: .* by 1 rule /);
  assert.deepEqual([doctor.status, said.test(doctor.stdout)], [4, true]);
  assert.equal(server["OS-EXT-SRV-ATTR:host"], "fake-002");
});

const killPoints: readonly (readonly [step: string, event: string, moment: string])[] = [
  ["claim", "succeeded", "before-commit"],
  ["spawn", "started", "after-commit"],
  ["spawn", "succeeded", "before-commit"],
  ["spawn", "succeeded", "after-commit"],
  ["activate", "succeeded", "before-commit"],
];
for (const [step, event, moment] of killPoints)
  test(`a cloud that dies ${moment} of ${step} ${event} finishes the boot when it is back`, async () => {
    const at = ["--saga", "server-create", "--step", step, "--event", event, "--moment", moment];
    await fault("add", "saga", "kill", ...at, "--id", `kill-${step}`);

    const id = await boot("killed");
    await eventually(
      async () => runningPid(cloud.dataDir),
      (pid) => pid === null,
    );
    await cloud.up();
    client = await cloud.client();

    await serverIs(client, id, "ACTIVE");
    const log = readFileSync(join(cloud.dataDir, "log", "faults.log"), "utf8");
    assert.match(
      log,
      new RegExp(`"rule":"kill-${step}".*"where":"server-create ${step} ${event} ${moment}"`),
    );
    assert.deepEqual(JSON.parse(await fault("list", "-f", "json")), []);
  });

test("wrong rules are refused with the field, in a file none of them is added", async () => {
  const path = join(cloud.dataDir, "rules.json");
  const good = { place: "http", match: { path: "/none" }, action: { kind: "drop" } };
  const add = (...words: readonly string[]) =>
    micronova(["fault", "add", ...words, "--data-dir", cloud.dataDir]);

  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["http", "answer"], /'rules\/0\/action': 'status' is a required property/],
    [["http", "answer", "--status", "many"], /--status takes a number, not many\./],
    [
      ["http", "lose"],
      /'rules\/0\/action\/kind': 'lose' is not one of delay, answer, drop, truncate, kill\./,
    ],
    [["bus", "lose", "--path", "/x"], /'path' was unexpected/],
    [["driver", "fail"], /'rules\/0\/match': 'method' is a required property/],
    [["http"], /A fault rule is a place and an action/],
    [["--file", "/nonexistent"], /\/nonexistent cannot be read/],
    [["--file", path], /'rules\/1\/place': 'nowhere' is not one of/],
  ];
  writeFileSync(path, JSON.stringify([good, { ...good, place: "nowhere" }]));
  for (const [words, expected] of cases) {
    const { status, stderr } = await add(...words);
    assert.deepEqual([status, expected.test(stderr)], [1, true], stderr);
  }
  assert.deepEqual(JSON.parse(await fault("list", "-f", "json")), []);
  writeFileSync(path, JSON.stringify({ rules: [good, { ...good, id: "named" }] }));
  await fault("add", "--file", path);
  await fault("remove", "named");
  assert.match(await fault("list"), /^id +place +action.*\nrule-1 +http +drop +path=\/none/);
});

/** A script's whole fault log, on a fresh cloud. */
async function scripted(seed: string): Promise<string> {
  const fresh = await startCloud({ virt: "fake", fakeHosts: 2, faultSeed: seed });
  try {
    const user = await fresh.client();
    const image = await smallImage(user);
    const rules = [
      {
        place: "http",
        match: { method: "POST", path: "*/volumes" },
        when: { probability: 0.4 },
        action: { kind: "answer", status: 503 },
      },
      {
        place: "driver",
        match: { driver: "virt", method: "spawn" },
        when: { probability: 0.4 },
        action: { kind: "fail" },
      },
      {
        place: "bus",
        match: { method: "create", queue: "volume.*" },
        when: { probability: 0.5 },
        action: { kind: "repeat" },
      },
    ];
    await user.call("operations", "/faults", { method: "POST", body: { rules } });
    for (let n = 0; n < 8; n++) {
      const body = { volume: { size: 1 } };
      await user.call("volumev3", "/volumes", { method: "POST", body }).catch(() => undefined);
      await bootServer(user, { name: `s${n}`, imageRef: image });
      await quiet(user);
    }
    return readFileSync(join(fresh.dataDir, "log", "faults.log"), "utf8");
  } finally {
    await fresh.destroy();
  }
}

test("the same seed and script leave the same log, byte for byte", async () => {
  const log = await scripted("11");

  assert.ok(log.split("\n").length > 8, log);
  for (const place of ["http", "driver", "bus"]) assert.ok(log.includes(`"place":"${place}"`), log);
  assert.equal(await scripted("11"), log);
  assert.notEqual(await scripted("12"), log);
});
