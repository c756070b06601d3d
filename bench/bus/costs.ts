// What each setting for reliability costs, and what it buys: the same load with one thing changed at a time.
import { startRabbitCluster } from "../../tests/support/running-rabbit.ts";
import { median } from "../support.ts";
import { type Measured, withBoth } from "./brokers.ts";
import type { Figures, Generator } from "./generator.ts";
import { figure, thousands } from "./table.ts";

interface Setting {
  readonly what: string;
  readonly args: readonly string[];
  /** In one sentence. */
  readonly buys: string;
  /** What tells, when it is not how many messages arrive. */
  readonly tells?: "heartbeats";
}

const kib = ["--size", "1024"];
const acknowledged = [...kib, "--prefetch", "100", "--ack", "10"];
const safe = [...acknowledged, "--durable", "--persistent"];
const stored = [...kib, "--durable", "--persistent", "--consumers", "0"];
const heartbeats = ["--mode", "conns", "--count", "1000", "--heartbeat"];

const settings: readonly Setting[] = [
  {
    what: "nothing: transient, auto-ack, no confirms",
    args: kib,
    buys: "Speed alone; a message may be lost anywhere on its way.",
  },
  {
    what: "one write for each message",
    args: [...kib, "--flush", "1"],
    buys: "A message leaves at once instead of with those that follow within the same turn.",
  },
  {
    what: "manual ack, prefetch 1",
    args: [...kib, "--prefetch", "1", "--ack", "1"],
    buys: "A consumer that dies loses nothing, and holds up one message at most.",
  },
  {
    what: "manual ack, prefetch 100, every 10th acknowledged",
    args: acknowledged,
    buys: "The same; a consumer that dies holds up a hundred.",
  },
  {
    what: "confirms, window 100",
    args: [...acknowledged, "--confirm", "100"],
    buys: "The producer knows what the broker has, and can send the rest again.",
  },
  {
    what: "durable and persistent, no confirms",
    args: safe,
    buys: "What reached the disk survives the broker; nobody knows what did.",
  },
  {
    what: "durable and persistent, confirm window 1",
    args: [...safe, "--confirm", "1"],
    buys: "A message is on disk, or consumed, before the next is sent.",
  },
  {
    what: "the same, window 100",
    args: [...safe, "--confirm", "100"],
    buys: "What is confirmed is safe; one sync serves all that came meanwhile.",
  },
  {
    what: "the same, window 1000",
    args: [...safe, "--confirm", "1000", "--prefetch", "1000", "--ack", "100"],
    buys: "The same, with more to send again after a crash.",
  },
  {
    what: "window 1, nobody consumes",
    args: [...stored, "--confirm", "1"],
    buys: "Every message waits for the disk alone.",
  },
  {
    what: "window 1000, nobody consumes",
    args: [...stored, "--confirm", "1000"],
    buys: "A thousand wait for the disk together.",
  },
  {
    what: "4 consumers on one queue",
    args: [...acknowledged, "--consumers", "4"],
    buys: "Work goes on when a consumer dies; order holds only within one consumer.",
  },
  {
    what: "4 queues, 4 producers, 4 consumers",
    args: [...acknowledged, "--queues", "4", "--producers", "4", "--consumers", "4"],
    buys: "Queues that do not wait for each other, each in order.",
  },
  {
    what: "1,000 idle connections, no heartbeats",
    args: [...heartbeats, "0"],
    buys: "Nothing; a peer that vanished is noticed when TCP gives up.",
    tells: "heartbeats",
  },
  {
    what: "the same, heartbeats of 60 s",
    args: [...heartbeats, "60"],
    buys: "A peer that vanished is noticed within two minutes.",
    tells: "heartbeats",
  },
  {
    what: "the same, heartbeats of 1 s",
    args: [...heartbeats, "1"],
    buys: "Within two seconds.",
    tells: "heartbeats",
  },
];

/** Only RabbitMQ replicates. */
const quorum = [...safe, "--qtype", "quorum", "--confirm"];
const replicated: readonly Setting[] = [
  {
    what: "quorum queue, confirm window 1",
    args: [...quorum, "1"],
    buys: "A confirmed message is on the disks of most nodes, and survives one of them.",
  },
  { what: "quorum queue, confirm window 100", args: [...quorum, "100"], buys: "The same." },
];

export interface CostOptions {
  readonly rounds: number;
  readonly seconds: number;
}

export async function benchCosts(
  generator: Generator,
  options: CostOptions,
): Promise<readonly (readonly string[])[]> {
  const both = await withBoth(async (ours, theirs) => {
    const rows: (readonly string[])[] = [];
    for (const setting of settings) {
      const our: Figures[] = [];
      const their: Figures[] = [];
      for (let round = 0; round < options.rounds; round++) {
        our.push(await once(generator, ours, setting, options));
        their.push(await once(generator, theirs, setting, options));
      }
      rows.push([setting.what, said(setting, our), said(setting, their), setting.buys]);
    }
    return rows;
  });
  const rows = [...both];
  for (const count of [1, 3]) rows.push(...(await replicatedRows(generator, count, options)));
  return rows;
}

async function replicatedRows(
  generator: Generator,
  count: number,
  options: CostOptions,
): Promise<readonly (readonly string[])[]> {
  const cluster = await startRabbitCluster(count);
  try {
    const [first] = cluster.nodes;
    const broker = { url: first!.url, pid: first!.pid() ?? 0 };
    const rows: (readonly string[])[] = [];
    for (const setting of replicated) {
      const figures: Figures[] = [];
      for (let round = 0; round < options.rounds; round++)
        figures.push(await once(generator, broker, setting, options));
      const nodes = `${setting.what}, ${count === 1 ? "one node" : `${count} nodes`}`;
      rows.push([
        nodes,
        "",
        said(setting, figures),
        count === 1 ? "Nothing more than a classic queue." : setting.buys,
      ]);
    }
    return rows;
  } finally {
    await cluster.stop();
  }
}

function once(
  generator: Generator,
  broker: Pick<Measured, "url" | "pid">,
  { args, tells }: Setting,
  { seconds }: CostOptions,
) {
  // Heartbeats are rare.
  const duration = tells === "heartbeats" ? 10 : seconds;
  return generator.run(broker, ["--duration", String(duration), ...args]);
}

function said({ tells }: Setting, figures: readonly Figures[]): string {
  const of = (name: string) => median(figures.map((one) => one[name] ?? Number.NaN));
  if (tells === "heartbeats") return `${(of("broker_cpu_ms_per_s") / 10).toFixed(1)} % of a core`;
  const confirm = of("confirm_p50_us");
  const waits = confirm > 0 ? `, confirmed after ${(confirm / 1_000).toFixed(1)} ms` : "";
  // Where nobody consumes, what was published counts.
  const rate = of("consumed_s") || of("published_s");
  return `${thousands(rate)}/s, ${figure(of("broker_cpu_us_per_msg"))} µs${waits}`;
}
