// From the start of the process to the first authenticated `GET /servers` that is answered, and what an idle
// cloud costs.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOpenrc } from "../packages/cli/openrc.ts";
import { root } from "../tests/support/running-cloud.ts";
import { cpuMsOf, median, type Row, timed } from "./support.ts";

const runs = 7;
const idleSeconds = 20;

export async function benchStart(): Promise<Row[]> {
  const first: number[] = [];
  const again: number[] = [];
  const startCpu: number[] = [];
  const pss: number[] = [];
  const cpu: number[] = [];
  // One start that is not counted fills the compile cache, as the first start after an installation does.
  for (let run = -1; run < runs; run++) {
    const dataDir = mkdtempSync(join(tmpdir(), "micronova-bench-"));
    const fresh = await startOnce(dataDir);
    if (run >= 0) first.push(fresh.ms);
    await fresh.stop();
    const second = await startOnce(dataDir);
    if (run >= 0) {
      again.push(second.ms);
      startCpu.push(second.cpuMs);
    }
    if (run >= 0 && run < 5) {
      const idle = await idleCost(second.pid);
      pss.push(idle.pssMb);
      cpu.push(idle.cpuPercent);
    }
    await second.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const ms = (values: readonly number[]) =>
    `${median(values).toFixed(0)} ms (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)})`;
  return [
    {
      what: "start of a new cloud to first GET /servers",
      goal: "≤ 1000 ms, aim 500",
      measured: ms(first),
      isMet: median(first) <= 1000,
    },
    {
      what: "start again on its data",
      goal: "≤ 1000 ms, aim 500",
      measured: ms(again),
      isMet: median(again) <= 1000,
    },
    { what: "processor time of that start", goal: "", measured: ms(startCpu), isMet: true },
    {
      what: "idle memory (PSS)",
      goal: "≤ 150 MB, aim 100",
      measured: `${median(pss).toFixed(0)} MB`,
      isMet: median(pss) <= 150,
    },
    {
      what: `idle CPU over ${idleSeconds} s`,
      goal: "≤ 1 % of a core",
      measured: `${median(cpu).toFixed(2)} %`,
      isMet: median(cpu) <= 1,
    },
  ];
}

interface Started {
  readonly ms: number;
  readonly cpuMs: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startOnce(dataDir: string, more: readonly string[] = []): Promise<Started> {
  const started = performance.now();
  const args = ["up", "--data-dir", dataDir, "--port", "0", "--virt", "fake", ...more];
  const child = spawn(join(root, "micronova"), args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
      if (said.includes("Micronova is up")) resolve();
    });
    child.once("exit", () => reject(new Error(said)));
  });
  const credentials = readOpenrc(readFileSync(join(dataDir, "openrc"), "utf8"));
  const user = { name: credentials.username, password: credentials.password, domain: { name: "Default" } };
  const project = { name: credentials.projectName, domain: { name: "Default" } };
  const auth = { identity: { methods: ["password"], password: { user } }, scope: { project } };
  const token = await timed("POST", `${credentials.authUrl}/auth/tokens`, {}, { auth });
  const secret = String(token.headers["x-subject-token"]);
  const origin = new URL(credentials.authUrl).origin;
  const servers = await timed("GET", `${origin}/compute/v2.1/servers`, { "x-auth-token": secret });
  if (servers.status !== 200) throw new Error(`GET /servers answered ${servers.status}`);
  const ms = performance.now() - started;
  const cpuMs = cpuMsOf(child.pid!);
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
  };
  return { ms, cpuMs, pid: child.pid!, stop };
}

/** Proportional memory and CPU time of a process that nobody asks anything. */
async function idleCost(pid: number): Promise<{ pssMb: number; cpuPercent: number }> {
  const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await wait(2);
  const before = cpuMsOf(pid);
  await wait(idleSeconds);
  const cpuPercent = (100 * (cpuMsOf(pid) - before)) / (idleSeconds * 1000);
  const pssKb = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
  return { pssMb: pssKb / 1024, cpuPercent };
}
