// The examples of `examples/bus`, run as their pages say: each program a process, in TypeScript and in Python,
// against our broker and RabbitMQ, and one language's producers with the other's consumers.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startBroker } from "../support/running-broker.ts";
import { type ProgramResult, program, root } from "../support/running-cloud.ts";
import { RunningProgram } from "../support/running-program.ts";
import { rabbitMissing, startRabbit } from "../support/running-rabbit.ts";

type Command = (example: string, role: string) => readonly string[];

const examples = join(root, "examples", "bus");
const typescript: Command = (example, role) => [process.execPath, join(examples, example, `${role}.ts`)];
const python: Command = (example, role) => [
  "/usr/bin/python3",
  join(examples, "python", `${example.replaceAll("-", "_")}_${role}.py`),
];
const pikaMissing = existsSync("/usr/lib/python3/dist-packages/pika")
  ? false
  : "the package python3-pika is not installed";

/** Where the programs of one test run, and in which languages. */
interface Stage {
  readonly url: string;
  readonly producers: Command;
  readonly consumers: Command;
}

const running: RunningProgram[] = [];
after(() => Promise.all(running.map((one) => one.end("SIGKILL"))));

function run({ url, producers }: Stage, example: string, role: string, ...words: string[]) {
  const [name, ...args] = producers(example, role);
  return program(name!, [...args, ...words], { AMQP_URL: url });
}

async function produce(stage: Stage, example: string, ...words: string[]): Promise<readonly string[]> {
  const { status, stdout, stderr }: ProgramResult = await run(stage, example, "producer", ...words);
  assert.equal(status, 0, stderr);
  return stdout.trim().split("\n");
}

/** Starts a program that goes on; returns once it waits for messages. */
async function listen({ url, consumers }: Stage, example: string, role: string, ...words: string[]) {
  const listener = new RunningProgram([...consumers(example, role), ...words], { AMQP_URL: url });
  running.push(listener);
  await listener.until("Waiting");
  return listener;
}

const scenarios: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  async "hello world: what is sent before anybody listens is received"(stage) {
    // The broker may be the first word, too.
    const elsewhere = { ...stage, url: "amqp://127.0.0.1:1" };
    assert.deepEqual(await produce(elsewhere, "hello-world", stage.url, "Good morning!"), [
      "Sent: Good morning!",
    ]);

    const consumer = await listen(stage, "hello-world", "consumer");
    await consumer.until("Received: Good morning!");

    await produce(stage, "hello-world");
    await consumer.until("Received: Hello, world!");
    await consumer.end("SIGINT");
  },

  async "work queues: the idle one works, and nothing of a dead one is lost"(stage) {
    // A minute of work, of which nobody lives to see the end.
    const long = `lift${".".repeat(120)}`;
    const busy = await listen(stage, "work-queues", "consumer");
    await produce(stage, "work-queues", long);
    await busy.until(`Began: ${long}`);
    const idle = await listen(stage, "work-queues", "consumer");

    await produce(stage, "work-queues", "sweep", "mop", "dust");
    await idle.until("Done: dust");
    await busy.end("SIGKILL");
    await idle.until(`Began: ${long} (somebody else did not finish it)`);

    const isWork = (line: string) => !line.startsWith("Waiting");
    assert.deepEqual(busy.lines.filter(isWork), [`Began: ${long}`]);
    const short = ["sweep", "mop", "dust"].flatMap((task) => [`Began: ${task}`, `Done: ${task}`]);
    assert.deepEqual(idle.lines.filter(isWork).slice(0, -1), short);
    await idle.end("SIGKILL");
  },

  async "publish and subscribe: everybody hears everything, each by a queue of its own"(stage) {
    const hearers = await Promise.all([1, 2].map(() => listen(stage, "publish-subscribe", "consumer")));

    for (const news of ["Rain stopped.", "The sun is out."]) await produce(stage, "publish-subscribe", news);
    for (const hearer of hearers) await hearer.until("Heard: The sun is out.");

    const [one, other] = hearers.map(({ lines }) => lines);
    assert.deepEqual(one!.slice(1), ["Heard: Rain stopped.", "Heard: The sun is out."]);
    assert.deepEqual(other!.slice(1), one!.slice(1));
    assert.notEqual(one![0], other![0]);
    for (const hearer of hearers) await hearer.end("SIGINT");
  },

  async "routing: each gets the keys it is bound with"(stage) {
    const bad = await listen(stage, "routing", "consumer", "warning", "error");
    const worst = await listen(stage, "routing", "consumer", "error");

    await produce(stage, "routing", "info", "It is noon.");
    await produce(stage, "routing", "warning", "It is late.");
    await produce(stage, "routing", "error", "It is broken.");
    for (const consumer of [bad, worst]) await consumer.until("error: It is broken.");

    assert.deepEqual(bad.lines.slice(1), ["warning: It is late.", "error: It is broken."]);
    assert.deepEqual(worst.lines.slice(1), ["error: It is broken."]);
    for (const consumer of [bad, worst]) await consumer.end("SIGINT");
  },

  async "topics: each gets what fits one of its patterns, once"(stage) {
    const european = await listen(stage, "topics", "consumer", "europe.#", "*.oslo.*");
    const rainy = await listen(stage, "topics", "consumer", "*.*.rain");

    for (const topic of ["europe.oslo.rain", "asia.osaka.rain", "europe.rome.sun", "europe.bonn.rain"])
      await produce(stage, "topics", topic, "Look!");
    for (const consumer of [european, rainy]) await consumer.until("europe.bonn.rain: Look!");

    const topics = ({ lines }: RunningProgram) => lines.slice(1).map((line) => line.split(":")[0]);
    assert.deepEqual(topics(european), ["europe.oslo.rain", "europe.rome.sun", "europe.bonn.rain"]);
    assert.deepEqual(topics(rainy), ["europe.oslo.rain", "asia.osaka.rain", "europe.bonn.rain"]);
    for (const consumer of [european, rainy]) await consumer.end("SIGINT");
  },

  async "RPC: questions are answered, and refused while there is no server"(stage) {
    const early = await run(stage, "rpc", "client");
    assert.notEqual(early.status, 0);
    assert.match(early.stderr, /No queue takes messages|UnroutableError/);

    const server = await listen(stage, "rpc", "server");
    const { status, stdout, stderr } = await run(stage, "rpc", "client", "30", "0", "78", "79");

    assert.equal(status, 0, stderr);
    assert.deepEqual(stdout.trim().split("\n").sort(), [
      "fib(0) = 0",
      "fib(30) = 832040",
      "fib(78) = 8944394323791464",
      "fib(79) = not a whole number from 0 to 78",
    ]);
    await server.until("Answered: fib(79)");
    await server.end("SIGINT");
  },
};

interface Play {
  readonly missing: string | false;
  readonly start: () => Promise<{ readonly url: string; stop(): Promise<void> }>;
  readonly producers: Command;
  readonly consumers: Command;
}

const inTypescript = { producers: typescript, consumers: typescript };
const plays: Readonly<Record<string, Play>> = {
  "our broker": { missing: false, start: () => startBroker(), ...inTypescript },
  RabbitMQ: { missing: rabbitMissing, start: () => startRabbit(), ...inTypescript },
  "our broker, Python": {
    missing: pikaMissing,
    start: () => startBroker(),
    producers: python,
    consumers: python,
  },
  "our broker, TypeScript to Python": {
    missing: pikaMissing,
    start: () => startBroker(),
    producers: typescript,
    consumers: python,
  },
  "our broker, Python to TypeScript": {
    missing: pikaMissing,
    start: () => startBroker(),
    producers: python,
    consumers: typescript,
  },
};

for (const [name, { missing, start, producers, consumers }] of Object.entries(plays)) {
  let broker: Awaited<ReturnType<Play["start"]>> | null = null;

  for (const [story, act] of Object.entries(scenarios))
    test(`${name}: ${story}`, { skip: missing }, async () => {
      broker ??= await start();
      await act({ url: broker.url, producers, consumers });
    });

  after(() => broker?.stop());
}
