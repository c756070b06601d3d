// What very many hosts cost: a control plane at rest that hears their reports, and boots that choose among
// them.
import { startCloud } from "../tests/support/running-cloud.ts";
import { boot, type Load, prepare, removeAll } from "./boots.ts";
import { cpuMsOf, median, type Row, timed } from "./support.ts";

const few = 10;
const many = 1_000;
// Reports come every ten and thirty seconds.
const restSeconds = 60;
const settleSeconds = 20;
const warmUps = 200;
const boots = 500;
const rounds = 3;

export async function benchManyHosts(): Promise<Row[]> {
  const clouds = {
    few: await startCloud({ virt: "fake", fakeHosts: few }),
    many: await startCloud({ virt: "fake", fakeHosts: many }),
  };
  try {
    const loads = { few: await prepare(clouds.few.dataDir), many: await prepare(clouds.many.dataDir) };
    await seconds(settleSeconds);
    return [...(await rest(loads.many)), await slowdown(loads)];
  } finally {
    for (const cloud of Object.values(clouds)) await cloud.destroy();
  }
}

async function rest(load: Load): Promise<Row[]> {
  const cpuMs = () => load.pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const before = { cpuMs: cpuMs(), sent: await messagesSent(load) };
  await seconds(restSeconds);
  const percent = (cpuMs() - before.cpuMs) / (restSeconds * 10);
  const rate = ((await messagesSent(load)) - before.sent) / restSeconds;
  return [
    {
      what: `CPU of a whole cloud at rest, ${many} hosts`,
      goal: "≤ 15 % of a core",
      measured: `${percent.toFixed(1)} %`,
      isMet: percent <= 15,
    },
    {
      what: "messages meanwhile",
      goal: "≤ 200/s",
      measured: `${rate.toFixed(0)}/s`,
      isMet: rate <= 200,
    },
  ];
}

async function messagesSent({ origin, token }: Load): Promise<number> {
  const { status, body } = await timed("GET", `${origin}/bus/api/overview`, { "x-auth-token": token });
  if (status !== 200) throw new Error(`the bus answered ${status}: ${JSON.stringify(body)}`);
  return body.message_stats.publish;
}

// What two runs of the same differ by.
const noise = 0.1;

/** The same boots on few hosts and on many, in turn. */
async function slowdown(loads: { readonly few: Load; readonly many: Load }): Promise<Row> {
  const cpu = { few: [] as number[], many: [] as number[] };
  for (const size of ["few", "many"] as const) {
    await boot(loads[size], "none", warmUps);
    await removeAll(loads[size]);
  }
  for (let round = 0; round < rounds; round++) {
    for (const size of ["few", "many"] as const) {
      const { cpuMs } = await boot(loads[size], [{ uuid: loads[size].networkId }], boots);
      cpu[size].push(cpuMs);
      await removeAll(loads[size]);
    }
  }
  const more = median(cpu.many) / median(cpu.few) - 1;
  return {
    what: `CPU of a boot among ${many} hosts, against ${few}`,
    goal: "no more",
    measured: `${(more * 100).toFixed(0)} % more (${median(cpu.many).toFixed(2)} against ${median(cpu.few).toFixed(2)} ms)`,
    isMet: more <= noise,
  };
}

const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1000));
