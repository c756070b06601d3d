// The rows of load: what the generator does, and how much faster than RabbitMQ in the same run it should be.

export interface LoadRow {
  readonly what: string;
  readonly args: readonly string[];
  readonly atLeast: number;
  readonly aim: number;
  /** Of RabbitMQ's half of all answers: so much of it ours may take. */
  readonly latencyAtMost?: number;
}

const kib = ["--size", "1024"];
const durable = [...kib, "--durable", "--persistent"];
const four = [...kib, "--producers", "4", "--consumers", "4"];
const request = ["--mode", "rpc", "--size", "256", "--concurrency"];

export const loadRows: readonly LoadRow[] = [
  { what: "transient, auto-ack, 16 B", args: ["--size", "16"], atLeast: 5, aim: 10 },
  { what: "the same, 1 KiB", args: kib, atLeast: 3, aim: 5 },
  { what: "the same, 64 KiB", args: ["--size", "65536"], atLeast: 1, aim: 1.5 },
  { what: "1 KiB, 4 producers, 4 consumers, 1 queue", args: four, atLeast: 2, aim: 4 },
  {
    what: "the same, 4 queues",
    args: [...four, "--queues", "4"],
    atLeast: 2,
    aim: 4,
  },
  {
    what: "durable, 1 KiB, confirm window 1",
    args: [...durable, "--confirm", "1", "--prefetch", "100", "--ack", "1"],
    atLeast: 1,
    aim: 1.5,
  },
  {
    what: "the same, window 100",
    args: [...durable, "--confirm", "100", "--prefetch", "100", "--ack", "10"],
    atLeast: 2,
    aim: 4,
  },
  {
    what: "the same, window 1000",
    args: [...durable, "--confirm", "1000", "--prefetch", "1000", "--ack", "100"],
    atLeast: 3.5,
    aim: 6,
  },
  {
    what: "request and reply, 1 outstanding",
    args: [...request, "1"],
    atLeast: 1.5,
    aim: 2,
    latencyAtMost: 0.65,
  },
  { what: "the same, 64 outstanding", args: [...request, "64"], atLeast: 5, aim: 10 },
  {
    what: "fanout to 10 queues, 1 KiB (deliveries)",
    args: [...kib, "--mode", "fanout", "--inflight", "500"],
    atLeast: 4,
    aim: 8,
  },
  {
    what: "topic to 10 queues, 1 KiB (deliveries)",
    args: [...kib, "--mode", "topic", "--inflight", "500"],
    atLeast: 3,
    aim: 8,
  },
];
