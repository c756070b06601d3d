// `node bench/bus/main.ts [load] [memory] [starts] [rpc] [reach] [costs] [--rounds N] [--seconds S] [--rows PATTERN]`:
// the broker against RabbitMQ of Debian's package, in the same run on the same machine.
import { parseArgs } from "node:util";
import { warmUp } from "./brokers.ts";
import { benchCosts } from "./costs.ts";
import { benchMemory, benchStarts } from "./footprint.ts";
import { buildGenerator } from "./generator.ts";
import { benchLoad } from "./load-bench.ts";
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
const generator = await buildGenerator();
try {
  await warmUp();
  const isAsked = (name: string) => positionals.length === 0 || positionals.includes(name);
  if (isAsked("load")) printLines(await benchLoad(generator, options));
  if (isAsked("memory")) printLines(await benchMemory(generator, options));
  if (isAsked("starts")) printLines(await benchStarts(generator, options));
  if (isAsked("rpc")) printLines(await benchRpc(options));
  if (isAsked("costs"))
    printTable(
      ["Setting", "Micronova", "RabbitMQ 3.10", "What it buys"],
      await benchCosts(generator, options),
    );
} finally {
  generator.remove();
}
