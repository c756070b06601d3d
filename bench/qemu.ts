// What the cloud adds to the start of a guest: from POST to ACTIVE, less the bare start of QEMU with the very
// same command line, from the start of the process until QMP says that the guest runs.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@micronova/client";
import { systemClock } from "@micronova/kit";
import { connectQmp } from "../packages/compute/drivers/qemu/qmp.ts";
import { eventually, type RunningCloud, startCloud } from "../tests/support/running-cloud.ts";
import { median, type Row } from "./support.ts";

const runs = 7;
const addedMsMax = 300;
const pollMs = 5;

export async function benchQemu(): Promise<Row[]> {
  const cloud = await startCloud({ virt: "qemu" });
  try {
    const client = await cloud.client();
    const imageId = await anImage(client);
    const booted: number[] = [];
    const bare: number[] = [];
    // The first boot, which is not counted, makes the network on this host.
    for (let run = -1; run < runs; run++) {
      const one = await bootAndStartBare(cloud, client, imageId);
      if (run < 0) continue;
      booted.push(one.bootedMs);
      bare.push(one.bareMs);
    }
    const added = median(booted) - median(bare);
    const ms = (value: number) => `${value.toFixed(0)} ms`;
    const row = (what: string, value: number) => ({ what, goal: "", measured: ms(value), isMet: true });
    return [
      row("a guest with a port and QEMU, POST to ACTIVE", median(booted)),
      row("the same QEMU alone, until its guest runs", median(bare)),
      {
        what: "what the cloud adds",
        goal: `≤ ${addedMsMax} ms`,
        measured: ms(added),
        isMet: added <= addedMsMax,
      },
    ];
  } finally {
    await cloud.destroy();
  }
}

async function anImage(client: Client): Promise<string> {
  const body = { name: "bench", disk_format: "raw", container_format: "bare" };
  const { id } = await client.call("image", "/v2/images", { method: "POST", body });
  const bytes = new Blob([new Uint8Array(65_536)]).stream();
  const headers = { "content-type": "application/octet-stream" };
  await client.call("image", `/v2/images/${id}/file`, { method: "PUT", bytes, headers });
  return id;
}

async function bootAndStartBare(cloud: RunningCloud, client: Client, imageRef: string) {
  const { networks } = await client.call("network", "/v2.0/networks?name=private");
  const server = { name: "bench", imageRef, flavorRef: "1", networks: [{ uuid: networks[0].id }] };
  const started = performance.now();
  const made = await client.call("compute", "/servers", { method: "POST", body: { server } });
  const path = `/servers/${made.server.id}`;
  for (;;) {
    const { status } = (await client.call("compute", path)).server;
    if (status === "ACTIVE") break;
    if (status === "ERROR") throw new Error("the server ended in ERROR");
    await systemClock.sleep(pollMs);
  }
  const bootedMs = performance.now() - started;
  const [folder, args] = await commandLineOf(cloud.dataDir, made.server.id);
  const copy = mkdtempSync(join(tmpdir(), "micronova-bench-"));
  cpSync(folder, copy, { recursive: true, filter: (file) => !file.endsWith(".sock") });
  await client.call("compute", path, { method: "DELETE" });
  await eventually(
    () => client.call("compute", `/servers?name=bench`),
    ({ servers }) => servers.length === 0,
  );
  const bareMs = await startBare(
    alone(args).map((arg) => arg.replaceAll(folder, copy)),
    copy,
  );
  rmSync(copy, { recursive: true });
  return { bootedMs, bareMs };
}

/** The folder of the server, and how its QEMU was started. */
async function commandLineOf(dataDir: string, serverId: string): Promise<[string, string[]]> {
  const folder = join(dataDir, "servers", "servers", serverId);
  const pidFile = join(folder, "pid");
  // QEMU answers a moment before it writes it.
  await eventually(
    async () => existsSync(pidFile),
    (isThere) => isThere,
  );
  const pid = readFileSync(pidFile, "utf8").trim();
  return [folder, readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1)];
}

/** Without what only the cloud has: the port's tap, and another user's rights to the files. */
function alone(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    if (arg === "-runas" || args[at - 1] === "-runas") return [];
    if (args[at - 1] !== "-netdev") return [arg];
    return [JSON.stringify({ type: "user", id: JSON.parse(arg).id })];
  });
}

async function startBare([program, ...args]: readonly string[], folder: string): Promise<number> {
  const started = performance.now();
  const child = spawn(program!, args, { stdio: "ignore", cwd: folder });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const isUp = async () => {
    try {
      const qmp = await connectQmp(systemClock, join(folder, "qmp.sock"));
      const { status } = Object(await qmp.execute("query-status"));
      qmp.close();
      return status === "running";
    } catch {
      // Nobody listens yet.
      return false;
    }
  };
  while (!(await isUp())) {
    if (child.exitCode !== null) throw new Error(`QEMU ended with ${child.exitCode}`);
    await systemClock.sleep(pollMs);
  }
  const ms = performance.now() - started;
  child.kill("SIGKILL");
  await exited;
  return ms;
}
