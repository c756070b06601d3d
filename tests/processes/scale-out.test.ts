// The guide to many processes, as it is written: its files and commands are taken from it and run, on
// RabbitMQ and PostgreSQL of the test's own and on free ports. Then what it promises.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Client, connect } from "@micronova/client";
import { runningRoles } from "@micronova/cloud";
import { readOpenrc } from "../../packages/cli/openrc.ts";
import { freePort } from "../support/free-port.ts";
import { eventually, type ProgramResult, program, root } from "../support/running-cloud.ts";
import { postgresMissing, startPostgres } from "../support/running-postgres.ts";
import { rabbitMissing, startRabbit } from "../support/running-rabbit.ts";

const haproxyMissing = existsSync("/usr/sbin/haproxy") ? false : "the package haproxy is not installed";
const skip = rabbitMissing || postgresMissing || haproxyMissing;
const ports = [8774, 8781, 8782, 9101, 9102, 9103, 9104, 9105, 9106, 9107, 9108];

interface Block {
  readonly language: string;
  readonly text: string;
  /** The file it is, when the line before it says so. */
  readonly path: string | null;
}

interface Guide {
  readonly dir: string;
  readonly blocks: readonly Block[];
  /** The port that stands for one of the guide's. */
  port(written: number): number;
}

function blocksOf(text: string): readonly Block[] {
  const found = text.matchAll(/(?:`(\/etc\/[^`]+)`:\n\n)?```(\w+)\n([\s\S]*?)```/g);
  return [...found].map(([, path, language = "", body = ""]) => ({
    language,
    text: body,
    path: path ?? null,
  }));
}

/** The guide with this machine's directories, ports and servers in the place of its own. */
async function guide(dir: string, urls: { readonly bus: string; readonly store: string }): Promise<Guide> {
  const real = new Map<number, number>();
  for (const port of ports) real.set(port, await freePort());
  const here = (text: string) =>
    text
      .replace("amqp://micronova:SECRET@127.0.0.1:5672", urls.bus)
      .replace("postgres://micronova:SECRET@127.0.0.1:5432/micronova", urls.store)
      .replaceAll("/etc/micronova", join(dir, "etc"))
      .replaceAll("/srv/micronova", join(dir, "srv"))
      .replace(/\b\d{4}\b/g, (digits) => String(real.get(Number(digits)) ?? digits));
  const written = readFileSync(join(root, "docs", "guides", "scale-out.md"), "utf8");
  const blocks = blocksOf(written).map(({ language, text, path }) => ({
    language,
    text: here(text),
    path: path === null ? null : here(path),
  }));
  return { dir, blocks, port: (port) => real.get(port)! };
}

async function shell({ dir }: Guide, text: string): Promise<ProgramResult> {
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const result = await program("bash", ["-eu", "-o", "pipefail", "-c", text], { PATH: path });
  assert.equal(result.status, 0, `${text}\n${result.stdout}${result.stderr}\n${await lastLogs(dir)}`);
  return result;
}

async function lastLogs(dir: string): Promise<string> {
  const { stdout } = await program("bash", ["-c", `tail -n 3 ${join(dir, "srv")}/*/log/*.log`]);
  return stdout;
}

async function withGuide(act: (guide: Guide, done: (stop: () => Promise<unknown>) => void) => Promise<void>) {
  const dir = mkdtempSync(join(tmpdir(), "micronova-scale-out-"));
  mkdirSync(join(dir, "srv"));
  const [rabbit, postgres] = [await startRabbit(), await startPostgres()];
  let stop: () => Promise<unknown> = async () => undefined;
  try {
    const written = await guide(dir, { bus: rabbit.url, store: await postgres.database("micronova") });
    await act(written, (given) => {
      stop = given;
    });
  } finally {
    await stop();
    await postgres.destroy();
    await rabbit.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

const hosts = ["h1", "h2", "c1", "c2"];

/** Ends what a failed test left; the guide's own way is tried when nothing failed. */
async function endAll({ dir }: Guide): Promise<void> {
  for (const host of hosts) {
    const dataDir = join(dir, "srv", host);
    if (!existsSync(join(dataDir, "run"))) continue;
    for (const pid of runningRoles(dataDir).values()) if (pid !== null) process.kill(pid, "SIGKILL");
  }
  const balancer = join(dir, "srv", "haproxy.pid");
  if (existsSync(balancer)) await program("bash", ["-c", `kill $(cat ${balancer})`]);
}

test("the guide's cloud of many processes is as it says", { skip }, async (t) => {
  await withGuide(async (guide, done) => {
    done(() => endAll(guide));
    for (const { path, text } of guide.blocks) {
      if (path === null) continue;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { mode: 0o600 });
    }
    const [start, balance, use, stop] = guide.blocks.filter(({ language }) => language === "sh");
    await shell(guide, start!.text);
    await shell(guide, balance!.text);
    const used = await shell(guide, use!.text);

    t.diagnostic(used.stdout);
    for (const binary of ["nova-conductor", "nova-scheduler"])
      for (const host of ["c1", "c2"])
        assert.match(used.stdout, new RegExp(`${binary} +\\| ${host} +.*\\| up `));
    await uploadsAndTokens(guide);
    await deadIsSeen(t, guide);

    const again = start!.text.split("\n").filter((line) => /h1 |c2 --role [cs]/.test(line));
    assert.equal(again.length, 3);
    await shell(guide, again.join("\n"));
    await shell(guide, stop!.text);
    for (const host of hosts) assert.equal(runningRoles(join(guide.dir, "srv", host)).size, 0);
    done(async () => undefined);
  });
});

const credentialsOf = ({ dir }: Guide) => {
  const path = ["c1", "c2"].map((host) => join(dir, "srv", host, "openrc")).find((file) => existsSync(file));
  return readOpenrc(readFileSync(path!, "utf8"));
};

/** Requests alternate between the APIs, and it makes no difference. */
async function uploadsAndTokens(guide: Guide): Promise<void> {
  const client = await connect(credentialsOf(guide));
  const [some] = (await client.call("image", "/v2/images?name=some")).images;
  const bytes = readFileSync(join(guide.dir, "srv", "some.img"));
  assert.equal(some.os_hash_value, createHash("sha512").update(bytes).digest("hex"));

  const token = await tokenOf(guide);
  const asked = (api: number) => statusOf(guide, api, token);
  assert.deepEqual([await asked(8781), await asked(8782)], [200, 200]);
  const revoked = await fetch(`http://127.0.0.1:${guide.port(8781)}/identity/v3/auth/tokens`, {
    method: "DELETE",
    headers: { "x-auth-token": token, "x-subject-token": token },
  });
  assert.equal(revoked.status, 204);
  assert.equal(await asked(8781), 401);
  await eventually(
    () => asked(8782),
    (status) => status === 401,
  );
}

async function statusOf(guide: Guide, api: number, token: string): Promise<number> {
  const url = `http://127.0.0.1:${guide.port(api)}/compute/v2.1/servers`;
  const answer = await fetch(url, { headers: { "x-auth-token": token } });
  await answer.text();
  return answer.status;
}

async function tokenOf(guide: Guide): Promise<string> {
  const { authUrl, username, password, projectName } = credentialsOf(guide);
  const domain = { id: "default" };
  const answer = await fetch(`${authUrl}/auth/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      auth: {
        identity: { methods: ["password"], password: { user: { name: username, domain, password } } },
        scope: { project: { name: projectName, domain } },
      },
    }),
  });
  const token = answer.headers.get("x-subject-token");
  assert.ok(token !== null, await answer.text());
  return token;
}

/** Kills a host, a conductor and a scheduler: what is left says so, and goes on. */
async function deadIsSeen(t: TestContext, guide: Guide): Promise<void> {
  const client = await connect(credentialsOf(guide));
  const killedAt = performance.now();
  for (const [host, role] of [
    ["h1", "compute"],
    ["c2", "conductor"],
    ["c2", "scheduler"],
  ] as const)
    process.kill(runningRoles(join(guide.dir, "srv", host)).get(role)!, "SIGKILL");
  const services = () => client.call("compute", "/os-services");
  const dead = new Set([
    "nova-compute h1-001",
    "nova-compute h1-002",
    "nova-conductor c2",
    "nova-scheduler c2",
  ]);

  const { services: told } = await eventually(services, ({ services: all }) =>
    all.every((one: Service) => (one.state === "down") === dead.has(`${one.binary} ${one.host}`)),
  );
  t.diagnostic(`seen after ${((performance.now() - killedAt) / 1000).toFixed(1)} s`);
  assert.equal(told.length, 8);

  const server = await boot(client);
  assert.match(server["OS-EXT-SRV-ATTR:host"], /^h2-/);
}

interface Service {
  readonly binary: string;
  readonly host: string;
  readonly state: string;
}

async function boot(client: Client) {
  const [network] = (await client.call("network", "/v2.0/networks?name=private")).networks;
  const [image] = (await client.call("image", "/v2/images?name=some")).images;
  const body = {
    server: { name: "after", imageRef: image.id, flavorRef: "1", networks: [{ uuid: network.id }] },
  };
  const { server } = await client.call("compute", "/servers", { method: "POST", body });
  const done = await eventually(
    () => client.call("compute", `/servers/${server.id}`),
    ({ server: { status } }) => status !== "BUILD",
  );
  assert.equal(done.server.status, "ACTIVE", JSON.stringify(done.server.fault));
  return done.server;
}
