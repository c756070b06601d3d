// What takes how long on the way of one piece of work: a request, a saga's step, a call on a host. Whoever
// wants to know collects; whoever does something worth knowing says `span`, which costs nothing where nobody
// collects. Spans nest as the work does, also across `await`.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock, Millis } from "./clock.ts";

/** Plain JSON, so that it crosses the bus and goes into tables as it is. */
export interface Span {
  readonly name: string;
  readonly at: Millis;
  /** With fractions. */
  readonly ms: number;
  /** Why it failed, if it did. */
  readonly error?: string;
  readonly spans?: readonly Span[];
}

// A piece of work that does more than this in a row is known well enough by then.
const spansMax = 100;

const current = new AsyncLocalStorage<SpanCollector>();

export class SpanCollector {
  readonly clock: Clock;
  readonly spans: Span[] = [];
  isOpen = true;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Does the work; what it spans is in `spans` once it is done. What it leaves running is not its work. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await current.run(this, work);
    } finally {
      this.isOpen = false;
    }
  }

  add(span: Span): void {
    if (this.isOpen && this.spans.length < spansMax) this.spans.push(span);
  }
}

/** Does the work, and notes how long it took for whoever collects. */
export function span<T>(name: string, work: () => Promise<T>): Promise<T> {
  const collector = spanCollector();
  return collector === null ? work() : timed(collector, name, work);
}

async function timed<T>(outer: SpanCollector, name: string, work: () => Promise<T>): Promise<T> {
  const inner = new SpanCollector(outer.clock);
  const at = outer.clock.now();
  const began = outer.clock.monotonic();
  let error: string | null = null;
  try {
    return await inner.run(work);
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
    throw thrown;
  } finally {
    outer.add({
      name,
      at,
      ms: outer.clock.monotonic() - began,
      ...(error === null ? {} : { error }),
      ...(inner.spans.length === 0 ? {} : { spans: inner.spans }),
    });
  }
}

/** Who collects the spans of the work under way, for adding what was collected elsewhere; null for nobody. */
export function spanCollector(): SpanCollector | null {
  const collector = current.getStore();
  return collector?.isOpen === true ? collector : null;
}

/** Every method of the object that answers a promise becomes a span, named after it: `qemu.spawn`. */
export function spanned<T extends object>(name: string, object: T): T {
  return new Proxy(object, {
    get(target, property, receiver) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function" || typeof property !== "string") return value;
      return (...args: readonly unknown[]) => {
        const work = () => Reflect.apply(value, target === receiver ? receiver : target, args);
        // Without a collector the method is called as it is, and may be no promise at all.
        return spanCollector() === null ? work() : span(`${name}.${property}`, async () => work());
      };
    },
  });
}
