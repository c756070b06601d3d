// Counters, gauges and histograms in Prometheus' text format: three kinds of numbers and thirty lines of
// text, which is less than a library for them takes to load.
import assert from "node:assert/strict";

type Labels = Readonly<Record<string, string>>;

export interface Metrics {
  /** Adds to a counter; its name ends in `_total`. */
  count(name: string, labels?: Labels, by?: number): void;
  /** Sets a gauge; its name ends in its unit. */
  gauge(name: string, value: number, labels?: Labels): void;
  /** Records a duration in seconds; its name ends in `_seconds`. */
  seconds(name: string, value: number, labels?: Labels): void;
  /** Everything so far, in Prometheus' text format. */
  text(): Promise<string>;
}

type Kind = "counter" | "gauge" | "histogram";

/** One name with one set of labels. */
interface Series {
  readonly labels: string;
  value: number;
  /** Of a histogram: how many values fell into each bucket or a lower one, and how many there were. */
  readonly buckets: number[];
  count: number;
}

// From one millisecond to the length of a slow boot.
const bucketsSeconds = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300];

export function metricsRegistry(): Metrics {
  const families = new Map<string, { readonly kind: Kind; readonly series: Map<string, Series> }>();
  const find = (name: string, kind: Kind, given: Labels): Series => {
    let family = families.get(name);
    if (family === undefined) {
      family = { kind, series: new Map() };
      families.set(name, family);
    }
    assert(family.kind === kind, `the metric ${name} is a ${family.kind}, not a ${kind}`);
    const labels = labelsText(given);
    let series = family.series.get(labels);
    if (series === undefined) {
      series = { labels, value: 0, buckets: bucketsSeconds.map(() => 0), count: 0 };
      family.series.set(labels, series);
    }
    return series;
  };
  return {
    count(name, labels = {}, by = 1) {
      find(name, "counter", labels).value += by;
    },
    gauge(name, value, labels = {}) {
      find(name, "gauge", labels).value = value;
    },
    seconds(name, value, labels = {}) {
      const series = find(name, "histogram", labels);
      series.value += value;
      series.count++;
      bucketsSeconds.forEach((bound, at) => {
        if (value <= bound) series.buckets[at]!++;
      });
    },
    async text() {
      const lines = [...families].flatMap(([name, { kind, series }]) => [
        ...metricHead(name, kind),
        ...[...series.values()].flatMap((one) => linesOf(name, kind, one)),
      ]);
      return lines.map((line) => `${line}\n`).join("");
    },
  };
}

function linesOf(name: string, kind: Kind, { labels, value, buckets, count }: Series): string[] {
  if (kind !== "histogram") return [`${name}${braced(labels)} ${value}`];
  const bucket = (bound: number | "+Inf", many: number) =>
    `${name}_bucket${braced(`${labels}${labels === "" ? "" : ","}le="${bound}"`)} ${many}`;
  return [
    ...bucketsSeconds.map((bound, at) => bucket(bound, buckets[at]!)),
    bucket("+Inf", count),
    `${name}_sum${braced(labels)} ${value}`,
    `${name}_count${braced(labels)} ${count}`,
  ];
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

/** What stands before the series of a name. */
export function metricHead(name: string, kind: Kind): readonly string[] {
  return [`# HELP ${name} ${name.replaceAll("_", " ")}`, `# TYPE ${name} ${kind}`];
}

/** Labels as they stand between the braces. */
export function labelsText(labels: Labels): string {
  let text = "";
  for (const name in labels) {
    text += `${text === "" ? "" : ","}${name}="${escaped(labels[name]!)}"`;
  }
  return text;
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : value;
}
