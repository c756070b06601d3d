// One process of a simulated cloud: a role that lives, is killed, and is started again.
import {
  type Log,
  type LogFields,
  type Millis,
  metricsRegistry,
  type Platform,
  seededRandom,
} from "@micronova/kit";
import { Life } from "@micronova/kit/testing";
import { busRpc, type Rpc } from "@micronova/rpc";
import { type Cable, heartbeatMs } from "./cable.ts";
import type { World } from "./world.ts";

/** What a process is made of each time it starts. */
export interface Body {
  readonly life: Life;
  readonly platform: Platform;
  readonly rpc: Rpc;
}

/** What runs in it. */
export interface Running {
  start(): Promise<void>;
}

// What watches over processes starts one again that could not start.
const restartMs: Millis = 2_000;

export class Process<R extends Running = Running> {
  readonly name: string;
  readonly #world: World;
  readonly #cable: Cable;
  readonly #make: (body: Body) => R;
  #life: Life | null = null;
  #running: R | null = null;
  #dropping: (() => void) | null = null;
  #lives = 0;
  /** By how much its machine's clock is wrong. */
  #skewMs: Millis = 0;

  constructor(world: World, cable: Cable, name: string, make: (body: Body) => R) {
    this.#world = world;
    this.#cable = cable;
    this.name = name;
    this.#make = make;
  }

  /** The present life; null between two lives. */
  get life(): Life | null {
    return this.#life;
  }

  /** What runs now, if anything does. */
  get running(): R | null {
    return this.#running;
  }

  start(): void {
    if (this.#life !== null) return;
    this.#world.note(this.name, "starts");
    const life = new Life(this.name, this.#world.fate);
    life.skewMs = this.#skewMs;
    this.#life = life;
    const platform: Platform = {
      clock: life.clock(this.#world.clock),
      random: seededRandom(`${this.#world.seed} ${this.name} ${this.#lives++}`),
      log: this.#log(life),
      metrics: metricsRegistry(),
    };
    const bus = this.#cable.door(life);
    this.#dropping = () => bus.drop();
    const running = this.#make({ life, platform, rpc: busRpc({ platform, bus }) });
    this.#running = running;
    running.start().catch((error: unknown) => this.#cannotStart(life, error));
  }

  kill(): void {
    if (this.#life === null) return;
    this.#world.note(this.name, "is killed");
    const life = this.#life;
    this.#life = null;
    this.#running = null;
    life.kill();
  }

  /** It stands still, as one does whose machine swaps or whose virtual machine is paused. */
  freeze(): void {
    const life = this.#life;
    if (life === null || life.isFrozen) return;
    this.#world.note(this.name, "freezes");
    life.freeze();
    this.#world.clock.wakeIn(heartbeatMs, () => {
      if (this.#life === life && life.isFrozen) this.#dropping?.();
    });
  }

  thaw(): void {
    if (this.#life?.isFrozen !== true) return;
    this.#world.note(this.name, "thaws");
    this.#life.thaw();
  }

  /** Its connection to the broker breaks. */
  disconnect(): void {
    this.#world.note(this.name, "loses its connection");
    this.#dropping?.();
  }

  skew(ms: Millis): void {
    if (ms === this.#skewMs) return;
    this.#world.note(this.name, `has a clock that is ${ms} ms wrong`);
    this.#skewMs = ms;
    if (this.#life !== null) this.#life.skewMs = ms;
  }

  /** A process that cannot start ends, and is started again. */
  #cannotStart(life: Life, error: unknown): void {
    if (this.#life !== life) return;
    this.#world.note(this.name, `cannot start: ${error instanceof Error ? error.message : String(error)}`);
    this.kill();
    this.#world.clock.wakeIn(restartMs, () => this.start());
  }

  #log(life: Life): Log {
    const write = (level: string) => (fields: LogFields, event: string) => {
      if (!life.isDead) this.#world.note(this.name, `${level}: ${event}${reasonOf(fields)}`);
    };
    const log: Log = {
      error: write("error"),
      warn: write("warn"),
      info: () => undefined,
      debug: () => undefined,
      child: () => log,
    };
    return log;
  }
}

function reasonOf({ error }: LogFields): string {
  if (error === undefined) return "";
  if (!(error instanceof Error)) return ` (${String(error)})`;
  return ` (${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ""})`;
}
