// What both take: memory (PSS) when idle, for each connection and queue, and for a million messages; and how
// long they need to be there, also after a kill. Every figure is of a broker that has just started.
import { readFileSync, readlinkSync } from "node:fs";
import { systemClock } from "@micronova/kit";
import { median } from "../support.ts";
import { type Measured, startOurs, startTheirs } from "./brokers.ts";
import type { Generator } from "./generator.ts";
import { figure, type Line, ratio } from "./table.ts";

interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly goal: string;
  readonly isMet: (ours: number, theirs: number) => boolean;
}

/** Figures that one fresh broker gives. */
interface Trial {
  readonly figures: readonly Figure[];
  /** Ours and theirs, when it is not the usual ones that are tried. */
  readonly starts?: readonly [() => Promise<Measured>, () => Promise<Measured>];
  readonly measure: (generator: Generator, broker: Measured) => Promise<readonly number[]>;
}

// What is loaded behind the first channel is there by then.
const settledMs = 4_000;
const million = ["--count", "1000000", "--size", "100", "--queue", "million", "--keep", "--idle", "60"];
const persistent = 100_000;
const persistentArgs = [
  "--count",
  String(persistent),
  "--size",
  "1024",
  "--queue",
  "kept",
  "--durable",
  "--keep",
];

const memoryTrials: readonly Trial[] = [
  idleTrial("idle memory (PSS, alone), no management API", false),
  idleTrial("the same, with the management API", true),
  {
    figures: [
      {
        what: "for each of 1,000 idle connections",
        unit: "kB",
        goal: "≤ 25 kB, aim 10",
        isMet: (our) => our <= 25,
      },
    ],
    async measure(generator, broker) {
      await systemClock.sleep(settledMs);
      const held = await generator.run(broker, ["--mode", "conns", "--count", "1000", "--duration", "3"]);
      return [held["kB_per_connection"]!];
    },
  },
  {
    figures: [
      {
        what: "for each of 10,000 empty durable queues",
        unit: "kB",
        goal: "≤ 3 kB, aim 1",
        isMet: (our) => our <= 3,
      },
    ],
    async measure(generator, broker) {
      await systemClock.sleep(settledMs);
      const declared = await generator.run(broker, ["--mode", "queues", "--count", "10000", "--durable"]);
      return [declared["kB_per_queue"]!];
    },
  },
  {
    figures: [
      {
        what: "1,000,000 × 100 B queued, memory",
        unit: "MB",
        goal: "≤ 500 MB, aim 200",
        isMet: (our) => our <= 500,
      },
      {
        what: "until all of them are in",
        unit: "s",
        goal: "4 × as fast",
        isMet: (our, their) => 4 * our <= their,
      },
      {
        what: "until all of them are out",
        unit: "s",
        goal: "4 × as fast",
        isMet: (our, their) => 4 * our <= their,
      },
    ],
    async measure(generator, broker) {
      const filled = await generator.run(broker, [...million, "--consumers", "0"]);
      const emptied = await generator.run(broker, [...million, "--producers", "0"]);
      return [filled["pss_kB"]! / 1024, filled["seconds"]!, emptied["seconds"]!];
    },
  },
];

function idleTrial(what: string, hasManagement: boolean): Trial {
  const goal = "≤ 0.7 of it, aim 50 MB";
  return {
    figures: [{ what, unit: "MB", goal, isMet: (our, their) => our <= 0.7 * their }],
    starts: [() => startOurs({ hasManagement }), () => startTheirs({ hasManagement })],
    async measure(_, broker) {
      await systemClock.sleep(settledMs);
      return [aloneMb(broker.pid)];
    },
  };
}

const startTrials: readonly Trial[] = [
  {
    figures: [
      { what: "start to the first channel", unit: "s", goal: "≤ 0.6 s, aim 0.2", isMet: (our) => our <= 0.6 },
    ],
    async measure(generator, broker) {
      await broker.kill();
      return [await startSeconds(generator, broker)];
    },
  },
  {
    figures: [
      {
        what: "`kill -9` with 100,000 persistent messages, until all are back",
        unit: "s",
        goal: "≤ 2 s, aim 0.5",
        isMet: (our) => our <= 2,
      },
    ],
    async measure(generator, broker) {
      await generator.run(broker, [
        ...persistentArgs,
        "--persistent",
        "--confirm",
        "1000",
        "--consumers",
        "0",
      ]);
      await broker.kill();
      const seconds = await startSeconds(generator, broker);
      const found = await generator.run(broker, [
        ...persistentArgs,
        "--producers",
        "0",
        "--verify",
        "--idle",
        "60",
      ]);
      if (found["missing"] !== 0)
        throw new Error(`${broker.name} lost ${found["missing"]} of ${persistent} messages`);
      return [seconds];
    },
  },
];

export interface TrialOptions {
  readonly rounds: number;
  /** Which figures, by what they are. */
  readonly rows: RegExp;
}

export const benchMemory = (generator: Generator, options: TrialOptions) =>
  tryAll(memoryTrials, generator, options);
export const benchStarts = (generator: Generator, options: TrialOptions) =>
  tryAll(startTrials, generator, options);

async function tryAll(
  trials: readonly Trial[],
  generator: Generator,
  { rounds, rows }: TrialOptions,
): Promise<Line[]> {
  const lines: Line[] = [];
  for (const trial of trials.filter(({ figures }) => figures.some(({ what }) => rows.test(what)))) {
    const [startOne, startOther] = trial.starts ?? [startOurs, startTheirs];
    const ours: (readonly number[])[] = [];
    const theirs: (readonly number[])[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await once(startOne, trial, generator));
      theirs.push(await once(startOther, trial, generator));
    }
    lines.push(
      ...trial.figures.map((figure, at) =>
        lineOf(
          figure,
          ours.map((values) => values[at]!),
          theirs.map((values) => values[at]!),
        ),
      ),
    );
  }
  return lines;
}

async function once(
  start: () => Promise<Measured>,
  trial: Trial,
  generator: Generator,
): Promise<readonly number[]> {
  const broker = await start();
  try {
    return await trial.measure(generator, broker);
  } finally {
    await broker.remove();
  }
}

function lineOf(
  { what, unit, goal, isMet }: Figure,
  ours: readonly number[],
  theirs: readonly number[],
): Line {
  const said = (values: readonly number[]) =>
    `${figure(median(values))} ${unit} (${figure(Math.min(...values))})`;
  const [our, their] = [median(ours), median(theirs)];
  return {
    what,
    goal,
    ours: said(ours),
    theirs: said(theirs),
    compared: `${ratio(their / our)} less`,
    isMet: isMet(our, their),
  };
}

/** Until a client has a channel. */
async function startSeconds(generator: Generator, broker: Measured): Promise<number> {
  const began = performance.now();
  await broker.start();
  await generator.run(broker, ["--mode", "ready", "--duration", "120"]);
  return (performance.now() - began) / 1_000;
}

/** Its memory as if no other process ran the same program: what they share with it is counted whole. */
function aloneMb(pid: number): number {
  const program = readlinkSync(`/proc/${pid}/exe`);
  let isProgram = false;
  let kb = 0;
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    if (/^[0-9a-f]+-/.test(line)) isProgram = line.endsWith(program);
    const [, name, value] = /^(Rss|Pss):\s+(\d+)/.exec(line) ?? [];
    if (name === (isProgram ? "Rss" : "Pss")) kb += Number(value);
  }
  return kb / 1024;
}
