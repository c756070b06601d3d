// Counters, gauges and histograms in Prometheus' text format. prom-client underneath, seen by this file only.
import { Counter, Gauge, Histogram, Registry } from "prom-client";

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

export function metricsRegistry(): Metrics {
  const registry = new Registry();
  const made = new Map<string, Counter | Gauge | Histogram>();
  const find = <T extends Counter | Gauge | Histogram>(name: string, make: () => T): T => {
    const known = made.get(name);
    // One name is one kind of metric: prom-client itself refuses a second registration.
    if (known !== undefined) return known as T;
    const fresh = make();
    made.set(name, fresh);
    return fresh;
  };
  const options = (name: string, labels: Labels) => ({
    name,
    help: name.replaceAll("_", " "),
    labelNames: Object.keys(labels),
    registers: [registry],
  });
  return {
    count: (name, labels = {}, by = 1) =>
      find(name, () => new Counter(options(name, labels))).inc(labels, by),
    gauge: (name, value, labels = {}) =>
      find(name, () => new Gauge(options(name, labels))).set(labels, value),
    seconds: (name, value, labels = {}) =>
      find(name, () => new Histogram({ ...options(name, labels), buckets: bucketsSeconds })).observe(
        labels,
        value,
      ),
    text: () => registry.metrics(),
  };
}

// From one millisecond to the length of a slow boot.
const bucketsSeconds = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300];
