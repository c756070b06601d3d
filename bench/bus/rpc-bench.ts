// Calls over a socket, client and server a process each, against oslo.messaging on RabbitMQ; and in process.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Broker } from "@micronova/amqp";
import { systemContext, systemRandom } from "@micronova/kit";
import { busRpc } from "@micronova/rpc";
import { realPlatform } from "../../tests/support/running-broker.ts";
import { program } from "../../tests/support/running-cloud.ts";
import { median } from "../support.ts";
import { withBoth } from "./brokers.ts";
import { type Calls, echoing, measureCalls, text } from "./rpc-process.ts";
import { type Line, ratio, thousands } from "./table.ts";

export interface RpcOptions {
  readonly rounds: number;
  readonly seconds: number;
}

const p50MsMax = 0.3;
const fasterMin = 10;
const inProcessMsMax = 0.03;

type Command = readonly [string, ...string[]];
const ourEnd: Command = [process.execPath, join(import.meta.dirname, "rpc-process.ts")];
// As Debian's own packages need it.
const theirEnd: Command = ["/usr/bin/python3", join(import.meta.dirname, "oslo-rpc.py")];

export async function benchRpc(options: RpcOptions): Promise<Line[]> {
  const ours: Record<number, Calls[]> = { 1: [], 32: [] };
  const theirs: Record<number, Calls[]> = { 1: [], 32: [] };
  await withBoth(async (our, their) => {
    for (let round = 0; round < options.rounds; round++) {
      for (const outstanding of [1, 32]) {
        ours[outstanding]?.push(await callOver(ourEnd, our.url, outstanding, options));
        theirs[outstanding]?.push(await callOver(theirEnd, their.url, outstanding, options));
      }
    }
  });
  const inProcess: number[] = [];
  for (let round = 0; round < options.rounds; round++) inProcess.push((await callInProcess(options)).p50Ms);
  return [
    ...[1, 32].map((outstanding) => overSocket(outstanding, ours[outstanding]!, theirs[outstanding]!)),
    within(inProcess),
  ];
}

async function callOver(
  end: Command,
  url: string,
  outstanding: number,
  { seconds }: RpcOptions,
): Promise<Calls> {
  const [name, ...args] = end;
  const server = spawn(name, [...args, "server", url], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  try {
    await Promise.race([
      new Promise((resolve) => server.stdout.once("data", resolve)),
      exited.then(() => Promise.reject(new Error(`${name} could not serve calls`))),
    ]);
    const said = await program(name, [...args, "client", url, String(seconds), String(outstanding)]);
    if (said.status !== 0) throw new Error(`${name} could not call: ${said.stderr}`);
    return JSON.parse(said.stdout);
  } finally {
    server.stdin.end();
    await exited;
  }
}

async function callInProcess({ seconds }: RpcOptions): Promise<Calls> {
  const broker = new Broker(realPlatform);
  const bus = broker.bus();
  const rpc = busRpc({ platform: realPlatform, bus });
  const server = rpc.serve(echoing, "h1", { echo: async (given) => given });
  await server.start();
  const calls = rpc.on(echoing, "h1", { context: systemContext(systemRandom.uuid()) });
  const measured = await measureCalls(() => calls.echo(text), seconds, 1);
  await server.stop();
  await rpc.close();
  await bus.close();
  broker.close();
  return measured;
}

function overSocket(outstanding: number, ours: readonly Calls[], theirs: readonly Calls[]): Line {
  const rate = (all: readonly Calls[]) => median(all.map(({ perSecond }) => perSecond));
  const p50 = (all: readonly Calls[]) => median(all.map(({ p50Ms }) => p50Ms));
  const said = (all: readonly Calls[]) => `p50 ${p50(all).toFixed(2)} ms, ${thousands(rate(all))}/s`;
  const faster = rate(ours) / rate(theirs);
  const isAlone = outstanding === 1;
  return {
    what: `RPC call over the socket, ${outstanding} outstanding (theirs: oslo.messaging)`,
    goal: isAlone ? `p50 ≤ ${p50MsMax} ms` : `≥ ${fasterMin} ×`,
    ours: said(ours),
    theirs: said(theirs),
    compared: `${ratio(faster)} by rate`,
    isMet: isAlone ? p50(ours) <= p50MsMax : faster >= fasterMin,
  };
}

function within(p50Ms: readonly number[]): Line {
  const us = median(p50Ms) * 1_000;
  return {
    what: "RPC call in process",
    goal: `p50 ≤ ${inProcessMsMax * 1_000} µs`,
    ours: `p50 ${us.toFixed(0)} µs`,
    theirs: "",
    compared: "",
    isMet: median(p50Ms) <= inProcessMsMax,
  };
}
