// The rows of load on both brokers in turn, A B A B, so that both see the same machine.
import { median } from "../support.ts";
import { type Measured, withBoth } from "./brokers.ts";
import type { Figures, Generator } from "./generator.ts";
import { type LoadRow, loadRows } from "./rows.ts";
import { figure, type Line, ratio, thousands } from "./table.ts";

export interface LoadOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Which rows, by what they are. */
  readonly rows: RegExp;
}

export async function benchLoad(generator: Generator, options: LoadOptions): Promise<Line[]> {
  const chosen = loadRows.filter(({ what }) => options.rows.test(what));
  if (chosen.length === 0) return [];
  const ours = new Map<LoadRow, Figures[]>(chosen.map((row) => [row, []]));
  const theirs = new Map<LoadRow, Figures[]>(chosen.map((row) => [row, []]));
  await withBoth(async (our, their) => {
    for (let round = 0; round < options.rounds; round++) {
      for (const row of chosen) {
        ours.get(row)?.push(await once(generator, our, row, options));
        theirs.get(row)?.push(await once(generator, their, row, options));
      }
    }
  });
  // Each has its figures from above.
  return chosen.map((row) => lineOf(row, ours.get(row) as Figures[], theirs.get(row) as Figures[]));
}

async function once(generator: Generator, broker: Measured, row: LoadRow, { seconds }: LoadOptions) {
  const args = ["--duration", String(seconds), ...row.args];
  const figures = await generator.run(broker, args);
  if (figures["complete"] === 0) throw new Error(`${broker.name} lost messages of ${row.what}`);
  return figures;
}

function lineOf(row: LoadRow, ours: readonly Figures[], theirs: readonly Figures[]): Line {
  const of = (figures: readonly Figures[], name: string) => figures.map((one) => one[name] ?? Number.NaN);
  const rate = (figures: readonly Figures[]) => median(of(figures, "consumed_s"));
  const cpu = (figures: readonly Figures[]) => median(of(figures, "broker_cpu_us_per_msg"));
  const p50 = (figures: readonly Figures[]) => median(of(figures, "p50_us"));
  const said = (figures: readonly Figures[]) => {
    const best = Math.max(...of(figures, "consumed_s"));
    return `${thousands(rate(figures))}/s (${thousands(best)}), ${figure(cpu(figures))} µs`;
  };
  const faster = rate(ours) / rate(theirs);
  const { latencyAtMost, atLeast, aim } = row;
  const latency = p50(ours) / p50(theirs);
  const latencyGoal = latencyAtMost === undefined ? "" : `, p50 ≤ ${latencyAtMost} of it`;
  const latencySaid =
    latencyAtMost === undefined
      ? ""
      : `, p50 ${p50(ours).toFixed(0)} against ${p50(theirs).toFixed(0)} µs (${latency.toFixed(2)})`;
  return {
    what: row.what,
    goal: `≥ ${atLeast} ×${latencyGoal}, aim ${aim}`,
    ours: said(ours),
    theirs: said(theirs),
    compared: `${ratio(faster)} by rate, ${ratio(cpu(theirs) / cpu(ours))} by CPU${latencySaid}`,
    isMet: faster >= atLeast && (latencyAtMost === undefined || latency <= latencyAtMost),
  };
}
