// What the engine of sagas costs by itself, what traces cost a boot, and how long a cloud with many servers
// takes to start again.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Broker } from "@micronova/amqp";
import { metricsRegistry, silentLog, systemClock, systemContext, systemRandom } from "@micronova/kit";
import { busRpc, contract, method } from "@micronova/rpc";
import { saga, sagaDoor, sagaMigrations, sagaRunner } from "@micronova/saga";
import { type Store, sqliteStore } from "@micronova/store";
import { micronova, startCloud } from "../tests/support/running-cloud.ts";
import { boot, prepare, removeAll } from "./boots.ts";
import { startOnce } from "./start.ts";
import { inParallel, median, type Row } from "./support.ts";

export async function benchSagas(): Promise<Row[]> {
  return [...(await engine()), ...(await traces()), ...(await restart())];
}

const worker = contract("bench", { work: method<object>({ timeoutMs: 10_000 }) });
const empty = saga<object>("empty")
  .query("ask", { do: async () => null })
  .local("claim", { do: async () => null, undo: async () => undefined })
  .remote("work", { do: ({ rpc }) => rpc.on(worker, "h1").work({}), undo: async () => undefined })
  .local("finish", { do: async (_tx, { sagaId }) => waiting.get(sagaId)?.() })
  .build();
/** Who waits for a saga to come to its last step: asking the tables would cost what boots do not pay. */
const waiting = new Map<string, () => void>();
const sagasARun = 2_000;

/** A saga of a boot's shape whose steps do nothing: what is left is the engine's, calls' and commits'. */
async function engine(): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), "micronova-bench-"));
  const platform = { clock: systemClock, random: systemRandom, log: silentLog, metrics: metricsRegistry() };
  const path = join(dir, "store.db");
  const store = sqliteStore(platform, { path, durability: "power", migrations: sagaMigrations });
  await store.migrate();
  let transactions = 0;
  const counted: Store = {
    ...store,
    transaction(work) {
      transactions++;
      return store.transaction(work);
    },
  };
  const broker = new Broker(platform);
  const rpc = busRpc({ platform, bus: broker.bus() });
  const deps = { platform, store: counted, rpc };
  const sagas = sagaDoor(deps);
  const services = [
    rpc.serve(worker, "h1", { work: async () => undefined }),
    sagaRunner({ ...deps, sagas: [empty], owner: "bench" }),
  ];
  for (const service of services) await service.start();
  const one = async () => {
    const subject = { kind: "thing", id: platform.random.uuid() };
    const request = systemContext(platform.random.uuid());
    await new Promise<void>((resolve, reject) => {
      const begun = counted.transaction(async (tx) => {
        waiting.set(await sagas.start(tx, empty, {}, { subject, request }), resolve);
      });
      begun.catch(reject);
    });
  };
  await inParallel(sagasARun, 8, one);
  const before = process.cpuUsage();
  transactions = 0;
  await inParallel(sagasARun, 8, one);
  const { user, system } = process.cpuUsage(before);
  const commits = transactions / sagasARun;
  const cpuMs = (user + system) / 1000 / sagasARun;
  for (const service of services.toReversed()) await service.stop();
  await rpc.close();
  broker.close();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
  return [
    {
      what: "transactions of a saga of a boot's shape, the request's own included",
      goal: "3",
      measured: commits.toFixed(2),
      isMet: Math.round(commits) <= 3,
    },
    {
      what: "CPU of such a saga whose steps do nothing",
      goal: "≤ 0.5 ms",
      measured: `${cpuMs.toFixed(2)} ms`,
      isMet: cpuMs <= 0.5,
    },
  ];
}

const rounds = 3;
const bootsARound = 500;
const costMax = 0.05;

/** Boots with traces and without, in turn. */
async function traces(): Promise<Row[]> {
  const cpu = { on: [] as number[], off: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const traced of ["on", "off"] as const) cpu[traced].push(await cpuOfBoot(traced === "on"));
  }
  const ratio = median(cpu.on.map((ms, at) => ms / cpu.off[at]!)) - 1;
  return [
    {
      what: "CPU that traces add to a boot",
      goal: `≤ ${costMax * 100} %`,
      measured: `${(ratio * 100).toFixed(1)} % (${median(cpu.on).toFixed(2)} against ${median(cpu.off).toFixed(2)} ms)`,
      isMet: ratio <= costMax,
    },
  ];
}

async function cpuOfBoot(enabled: boolean): Promise<number> {
  const cloud = await startCloud({ virt: "fake", fakeHosts: 10, config: `[traces]\nenabled = ${enabled}\n` });
  try {
    const load = await prepare(cloud.dataDir);
    await boot(load, "none", 100);
    await removeAll(load);
    const { cpuMs } = await boot(load, [{ uuid: load.networkId }], bootsARound);
    return cpuMs;
  } finally {
    await cloud.destroy();
  }
}

const manyServers = 10_000;
const manyHosts = 500;
const pageMax = 1_000;
const restarts = 3;

async function restart(): Promise<Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "micronova-bench-"));
  const cloud = await startCloud({ virt: "fake", fakeHosts: manyHosts, dataDir });
  const load = await prepare(cloud.dataDir);
  // A list shows a thousand at most, and `boot` counts what came of its own by a list.
  for (let n = 0; n < manyServers; n += pageMax) await boot(load, "none", pageMax);
  await micronova(["down", "--data-dir", dataDir]);
  const times: number[] = [];
  for (let run = 0; run < restarts; run++) {
    const started = await startOnce(dataDir, ["--fake-hosts", String(manyHosts)]);
    times.push(started.ms);
    await started.stop();
  }
  await cloud.destroy();
  const ms = median(times);
  return [
    {
      what: `start again with ${manyServers} servers on ${manyHosts} hosts in the store`,
      goal: "≤ 2000 ms",
      measured: `${ms.toFixed(0)} ms (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)})`,
      isMet: ms <= 2000,
    },
  ];
}
