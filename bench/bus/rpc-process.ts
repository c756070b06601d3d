// One end of calls over a socket, as a process: `rpc-process.ts server URL` answers until its input ends;
// `rpc-process.ts client URL SECONDS OUTSTANDING` prints how fast calls were answered, as a line of JSON.
import { connectAmqp } from "@micronova/amqp";
import { systemContext, systemRandom } from "@micronova/kit";
import { busRpc, contract, method, osloEnvelope } from "@micronova/rpc";
import { realPlatform } from "../../tests/support/running-broker.ts";
import { quantile } from "../support.ts";

export interface Calls {
  readonly p50Ms: number;
  readonly perSecond: number;
}

export interface Text {
  readonly data: string;
}
export const echoing = contract("bench", { echo: method<Text, Text>({ timeoutMs: 60_000 }) });
/** As long as the arguments of most calls. */
export const text: Text = { data: "x".repeat(200) };

/** Calls one after another in so many lanes. */
export async function measureCalls(
  call: () => Promise<unknown>,
  seconds: number,
  lanes: number,
): Promise<Calls> {
  // The compiler has seen these.
  for (let n = 0; n < 500; n++) await call();
  const ms: number[] = [];
  const began = performance.now();
  const end = began + seconds * 1_000;
  const lane = async () => {
    while (performance.now() < end) {
      const started = performance.now();
      await call();
      ms.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { p50Ms: quantile(ms, 0.5), perSecond: (ms.length * 1_000) / (performance.now() - began) };
}

async function main(role: string, url: string, seconds: number, outstanding: number): Promise<void> {
  const bus = connectAmqp(realPlatform, [url], { form: osloEnvelope });
  const rpc = busRpc({ platform: realPlatform, bus });
  if (role === "server") {
    await rpc.serve(echoing, "h1", { echo: async (given) => given }).start();
    process.stdout.write("ready\n");
    process.stdin.on("end", () => process.exit(0)).resume();
    return;
  }
  const calls = rpc.on(echoing, "h1", { context: systemContext(systemRandom.uuid()) });
  const measured = await measureCalls(() => calls.echo(text), seconds, outstanding);
  process.stdout.write(`${JSON.stringify(measured)}\n`);
  process.exit(0);
}

if (import.meta.main) {
  const [, , role = "", url = "", seconds, outstanding] = process.argv;
  await main(role, url, Number(seconds), Number(outstanding));
}
