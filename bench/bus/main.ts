// `node bench/bus/main.ts [reach] [load] [memory] [starts] [rpc] [costs] [--rounds N] [--seconds S] [--rows WHAT]`:
// the broker against RabbitMQ of Debian's package, in the same run on the same machine.
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { warmUp } from "./brokers.ts";
import { benchCosts } from "./costs.ts";
import { benchMemory, benchStarts } from "./footprint.ts";
import { buildGenerator } from "./generator.ts";
import { benchLoad } from "./load-bench.ts";
import { benchReach } from "./reach.ts";
import { benchRpc } from "./rpc-bench.ts";
import { printLines, printTable } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    rows: { type: "string", default: "." },
  },
});
const options = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  rows: new RegExp(values.rows),
};
/** Where and when: on a machine that others use, figures are of that hour. */
function sayMachine(): void {
  const [load] = loadavg();
  const at = new Date().toISOString().slice(0, 16).replace("T", " ");
  process.stdout.write(`${at} UTC, ${availableParallelism()} processors, load ${load?.toFixed(1)}\n`);
}

const generator = await buildGenerator();
try {
  await warmUp();
  sayMachine();
  const isAsked = (name: string) => positionals.length === 0 || positionals.includes(name);
  if (isAsked("reach"))
    printTable(["Generator alone", "A producer", "A consumer"], await benchReach(generator, options.seconds));
  if (isAsked("load")) printLines(await benchLoad(generator, options));
  if (isAsked("memory")) printLines(await benchMemory(generator, options));
  if (isAsked("starts")) printLines(await benchStarts(generator, options));
  if (isAsked("rpc")) printLines(await benchRpc(options));
  if (isAsked("costs"))
    printTable(
      ["Setting", "Micronova", "RabbitMQ 3.10", "What it buys"],
      await benchCosts(generator, options),
    );
  sayMachine();
} finally {
  generator.remove();
}
