// `node bench/scale/main.ts [rate] [worker]`: a cloud of many processes on RabbitMQ and PostgreSQL, measured
// with one API, conductor and scheduler and with two of each, and what a worker takes when idle.
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { connectionsOf } from "../../tests/support/connections.ts";
import { eventually } from "../../tests/support/running-cloud.ts";
import { startPostgres } from "../../tests/support/running-postgres.ts";
import { startRabbit } from "../../tests/support/running-rabbit.ts";
import { type RoleCloud, type RoleProcess, roleCloud } from "../../tests/support/running-roles.ts";
import { boot, type Load, prepare, removeAll } from "../boots.ts";
import { cpuMsOf, median, printTable, type Row } from "../support.ts";

const hosts = 10;
const servers = 300;
const warmUps = 60;
const runs = 3;
const rateMin = 60;

interface Servers {
  readonly bus: string;
  readonly store: string;
  readonly brokerPid: number;
}

async function withCloud(act: (cloud: RoleCloud, servers: Servers) => Promise<Row[]>): Promise<Row[]> {
  const [rabbit, postgres] = [await startRabbit(), await startPostgres()];
  const store = await postgres.database("micronova");
  const cloud = roleCloud(
    `[bus]\nurls = ["${rabbit.url}"]\n[store]\nurl = "${store}"\n[virt]\ndriver = "fake"\n`,
  );
  try {
    return await act(cloud, { bus: rabbit.url, store, brokerPid: rabbit.pid()! });
  } finally {
    await cloud.stop();
    await postgres.destroy();
    await rabbit.stop();
  }
}

/** So many control machines with a process of each role. */
async function controllers(cloud: RoleCloud, count: number): Promise<readonly RoleProcess[]> {
  const apis: RoleProcess[] = [];
  for (let n = 1; n <= count; n++) {
    const host = `c${n}`;
    apis.push(await cloud.start({ role: "api", host, args: ["--port", "0"] }));
    // The first one makes the cloud, and has the passwords.
    await apis.at(-1)!.ready();
    await cloud.start({ role: "conductor", host });
    await cloud.start({ role: "scheduler", host });
  }
  for (const one of cloud.processes) await one.ready();
  return apis;
}

async function rates(count: number): Promise<Row[]> {
  return withCloud(async (cloud, { brokerPid }) => {
    const apis = await controllers(cloud, count);
    const args = ["--fake-hosts", String(hosts)];
    const workers = await cloud.start({ role: "compute,network", host: "h", args });
    await workers.ready();
    const client = await cloud.client(apis[0]!);
    await eventually(
      () => client.call("compute", "/os-hypervisors"),
      ({ hypervisors }) => hypervisors.length === hosts,
    );
    const load = await loadOn(cloud, apis);
    await boot(load, "none", warmUps);
    await removeAll(load);
    const measured: { readonly rate: number; readonly cpuMs: number; readonly brokerMs: number }[] = [];
    for (let run = 0; run < runs; run++) {
      const before = cpuMsOf(brokerPid);
      const { rate, cpuMs } = await boot(load, [{ uuid: load.networkId }], servers);
      measured.push({ rate, cpuMs, brokerMs: (cpuMsOf(brokerPid) - before) / servers });
      await removeAll(load);
    }
    const rate = median(measured.map((one) => one.rate));
    const each = measured.map((one) => one.rate.toFixed(0)).join(", ");
    const what = `boots, ${count} of each role, ${hosts} hosts, load ${loadavg()[0]!.toFixed(1)}`;
    const cpu = median(measured.map(({ cpuMs }) => cpuMs)).toFixed(1);
    const broker = median(measured.map(({ brokerMs }) => brokerMs)).toFixed(1);
    return [
      {
        what,
        goal: `≥ ${rateMin}/s, aim 150`,
        measured: `${rate.toFixed(0)}/s (${each})`,
        isMet: rate >= rateMin,
      },
      { what: "CPU of its processes per boot", goal: "", measured: `${cpu} ms`, isMet: true },
      { what: "CPU of RabbitMQ per boot", goal: "", measured: `${broker} ms`, isMet: true },
      ...(await shares(cloud)),
    ];
  });
}

async function loadOn(cloud: RoleCloud, apis: readonly RoleProcess[]): Promise<Load> {
  const load = await prepare(
    apis[0]!.dataDir,
    cloud.processes.map((one) => one.pid()),
  );
  return { ...load, origins: apis.map(({ origin }) => origin()) };
}

/** How much of the work each conductor and scheduler did. */
async function shares(cloud: RoleCloud): Promise<Row[]> {
  const counters = { conductor: "micronova_sagas_total", scheduler: "micronova_scheduler_placements_total" };
  const rows: Row[] = [];
  for (const [role, name] of Object.entries(counters)) {
    const counts: number[] = [];
    for (const one of cloud.processes.filter((other) => other.role === role)) {
      const [, text] = await one.health("/metrics");
      const lines = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, "gm"));
      counts.push([...lines].reduce((sum, [, value]) => sum + Number(value), 0));
    }
    rows.push({ what: `share of each ${role}`, goal: "", measured: counts.join(" : "), isMet: true });
  }
  return rows;
}

const settleMs = 30_000;
const idleMs = 30_000;
const pssMaxMb = 70;
const cpuMax = 0.5;
const connectionsMax = 2;

/** One host's worker beside the others, with the memory for the young that the launcher gives it. */
async function worker(): Promise<Row[]> {
  return withCloud(async (cloud) => {
    await controllers(cloud, 1);
    const env = { NODE_OPTIONS: "--max-semi-space-size=2" };
    const one = await cloud.start({ role: "compute,network", host: "h1", env });
    await cloud.start({ role: "compute,network", host: "h2", env });
    for (const each of cloud.processes) await each.ready();
    await sleep(settleMs);
    const before = cpuMsOf(one.pid());
    await sleep(idleMs);
    const cpu = ((cpuMsOf(one.pid()) - before) / idleMs) * 100;
    const pss =
      Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one.pid()}/smaps_rollup`, "utf8"))?.[1]) / 1024;
    const links = connectionsOf(one.pid());
    return [
      {
        what: "a worker process, PSS",
        goal: `≤ ${pssMaxMb} MB, aim 50`,
        measured: `${pss.toFixed(0)} MB`,
        isMet: pss <= pssMaxMb,
      },
      {
        what: "its idle processor time",
        goal: `≤ ${cpuMax} % of a core`,
        measured: `${cpu.toFixed(2)} %`,
        isMet: cpu <= cpuMax,
      },
      {
        what: "its connections",
        goal: `≤ ${connectionsMax}, none to the database`,
        measured: String(links),
        isMet: links <= connectionsMax,
      },
    ];
  });
}

const asked = process.argv.slice(2);
if (asked.length === 0 || asked.includes("rate")) {
  printTable(await rates(1));
  printTable(await rates(2));
}
if (asked.length === 0 || asked.includes("worker")) printTable(await worker());
