// The fake driver under load: servers a second from POST to ACTIVE, and how long lists and tokens take.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readOpenrc } from "../packages/cli/openrc.ts";
import { startCloud } from "../tests/support/running-cloud.ts";
import { cpuMsOf, inParallel, median, quantile, type Row, timed } from "./support.ts";

const hosts = 10;
const concurrency = 8;
const servers = 1000;
const runs = 5;
const warmUps = 100;

export async function benchBoots(): Promise<Row[]> {
  const measured: Measured[] = [];
  for (let run = 0; run < runs; run++) measured.push(await onceOnAFreshCloud());
  const of = (figure: (one: Measured) => number) => median(measured.map(figure));
  const row = (what: string, goal: string, value: number, unit: string, isMet: boolean): Row => ({
    ...{ what, goal, isMet },
    measured: `${value.toFixed(value < 100 ? 1 : 0)}${unit}`,
  });
  const rate = of(({ plugged }) => plugged.rate);
  const bareRate = of(({ bare }) => bare.rate);
  const post = of(({ plugged }) => quantile(plugged.postMs, 0.99));
  const detail = of(({ detailMs }) => quantile(detailMs, 0.99));
  const token = of(({ tokenMs }) => quantile(tokenMs, 0.99));
  const cpu = of(({ plugged }) => plugged.cpuMs);
  const boots = `${servers} boots on ${hosts} fake hosts, ${concurrency} at once`;
  return [
    row(`${boots}, with a port each`, "≥ 150/s, aim 400", rate, "/s", rate >= 150),
    row("CPU of the cloud per such boot", "", cpu, " ms", true),
    row(`${boots}, without networks`, "≥ 150/s, aim 400", bareRate, "/s", bareRate >= 150),
    row("POST /servers meanwhile, p99", "≤ 50 ms", post, " ms", post <= 50),
    row(`GET /servers/detail of ${servers}, p99`, "≤ 100 ms, aim 30", detail, " ms", detail <= 100),
    row("token from a token (no password hash), p99", "≤ 20 ms", token, " ms", token <= 20),
  ];
}

interface Boots {
  readonly rate: number;
  readonly postMs: readonly number[];
  readonly cpuMs: number;
}

interface Measured {
  readonly plugged: Boots;
  readonly bare: Boots;
  readonly detailMs: readonly number[];
  readonly tokenMs: readonly number[];
}

async function onceOnAFreshCloud(): Promise<Measured> {
  const cloud = await startCloud({ virt: "fake", fakeHosts: hosts });
  try {
    const load = await prepare(cloud.dataDir);
    // The compiler of the hot paths is warm after these, as it is in any cloud that has been in use.
    await boot(load, "none", warmUps);
    await removeAll(load);
    const plugged = await boot(load, [{ uuid: load.networkId }], servers);
    const detailMs = await lists(load);
    const tokenMs = await rescopes(load);
    await removeAll(load);
    const bare = await boot(load, "none", servers);
    return { plugged, bare, detailMs, tokenMs };
  } finally {
    await cloud.destroy();
  }
}

export interface Load {
  readonly origin: string;
  /** Where servers are asked for, in turn: the origin, or each of several APIs. */
  readonly origins: readonly string[];
  readonly token: string;
  readonly projectId: string;
  /** The cloud's processes. */
  readonly pids: readonly number[];
  readonly imageId: string;
  readonly networkId: string;
}

const version = { "openstack-api-version": "compute 2.79" };

export async function prepare(
  dataDir: string,
  pids = [Number(readFileSync(join(dataDir, "run", "cloud.pid"), "utf8"))],
): Promise<Load> {
  const credentials = readOpenrc(readFileSync(join(dataDir, "openrc"), "utf8"));
  const origin = new URL(credentials.authUrl).origin;
  const user = { name: credentials.username, password: credentials.password, domain: { name: "Default" } };
  const scope = { project: { name: credentials.projectName, domain: { name: "Default" } } };
  const auth = { identity: { methods: ["password"], password: { user } }, scope };
  const issued = await timed("POST", `${credentials.authUrl}/auth/tokens`, {}, { auth });
  const token = String(issued.headers["x-subject-token"]);
  const headers = { "x-auth-token": token };
  const body = { name: "bench", disk_format: "raw", container_format: "bare" };
  const image = await timed("POST", `${origin}/image/v2/images`, headers, body);
  await fetch(`${origin}/image/v2/images/${image.body.id}/file`, {
    method: "PUT",
    headers: { ...headers, "content-type": "application/octet-stream" },
    body: new Uint8Array(4096),
  });
  const projectId = issued.body.token.project.id;
  const quota = { instances: -1, cores: -1, ram: -1 };
  const url = `${origin}/compute/v2.1/os-quota-sets/${projectId}`;
  await timed("PUT", url, headers, { quota_set: quota });
  await timed("PUT", `${origin}/network/v2.0/quotas/${projectId}`, headers, { quota: { port: -1 } });
  const networkId = await largeNetwork(origin, headers);
  return { origin, origins: [origin], token, projectId, pids, imageId: image.body.id, networkId };
}

/** The private network of a fresh cloud has fewer addresses than this wants servers. */
async function largeNetwork(origin: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const network = await timed("POST", `${origin}/network/v2.0/networks`, headers, {
    network: { name: "bench" },
  });
  const network_id: string = network.body.network.id;
  const subnet = { network_id, ip_version: 4, cidr: "10.77.0.0/20" };
  const made = await timed("POST", `${origin}/network/v2.0/subnets`, headers, { subnet });
  if (made.status !== 201) throw new Error(`the subnet was refused: ${JSON.stringify(made.body)}`);
  return network_id;
}

/** From the first POST until the last server is ACTIVE. */
export async function boot(load: Load, networks: "none" | readonly object[], count: number): Promise<Boots> {
  const headers = { "x-auth-token": load.token, ...version };
  const postMs: number[] = [];
  const cpu = () => load.pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const cpuBefore = cpu();
  const started = performance.now();
  await inParallel(count, concurrency, async (n) => {
    const server = { name: `b${n}`, imageRef: load.imageId, flavorRef: "1", networks };
    const origin = load.origins[n % load.origins.length]!;
    const answer = await timed("POST", `${origin}/compute/v2.1/servers`, headers, { server });
    if (answer.status !== 202)
      throw new Error(`POST answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    postMs.push(answer.ms);
  });
  while ((await withStatus(load, "BUILD", 1)).length > 0) await pause(10);
  const rate = count / ((performance.now() - started) / 1000);
  const cpuMs = (cpu() - cpuBefore) / count;
  const active = await withStatus(load, "ACTIVE", count);
  if (active.length !== count) throw new Error(`${active.length} of ${count} servers became ACTIVE`);
  return { rate, postMs, cpuMs };
}

async function withStatus(load: Load, status: string, limit: number): Promise<readonly { id: string }[]> {
  const url = `${load.origin}/compute/v2.1/servers?status=${status}&limit=${limit}`;
  return (await timed("GET", url, { "x-auth-token": load.token, ...version })).body.servers;
}

export async function removeAll(load: Load): Promise<void> {
  const headers = { "x-auth-token": load.token, ...version };
  const all = await withStatus(load, "ACTIVE", servers);
  await inParallel(all.length, concurrency, async (n) => {
    await timed("DELETE", `${load.origin}/compute/v2.1/servers/${all[n]!.id}`, headers);
  });
  while ((await withStatus(load, "ACTIVE", 1)).length > 0) await pause(10);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function lists(load: Load): Promise<number[]> {
  const headers = { "x-auth-token": load.token, ...version };
  const times: number[] = [];
  for (let n = 0; n < 50; n++) {
    const { body, ms } = await timed("GET", `${load.origin}/compute/v2.1/servers/detail`, headers);
    if (body.servers.length !== servers) throw new Error(`${body.servers.length} servers were listed`);
    times.push(ms);
  }
  return times;
}

async function rescopes(load: Load): Promise<number[]> {
  const times: number[] = [];
  const auth = {
    identity: { methods: ["token"], token: { id: load.token } },
    scope: { project: { id: load.projectId } },
  };
  for (let n = 0; n < 200; n++) {
    const answer = await timed("POST", `${load.origin}/identity/v3/auth/tokens`, {}, { auth });
    if (answer.status !== 201) throw new Error(`the token was refused: ${answer.status}`);
    times.push(answer.ms);
  }
  return times;
}
