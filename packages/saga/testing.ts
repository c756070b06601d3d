// The proof that a saga survives, for the packages that have sagas: killed at every effect, every step
// failing, every call arriving twice, every call arriving again later. A package describes its world once and
// gets all four.
import assert from "node:assert/strict";
import { Broker } from "@micronova/amqp";
import { errorTable, systemContext } from "@micronova/kit";
import { type TestPlatform, testPlatform } from "@micronova/kit/testing";
import { busRpc, type Rpc } from "@micronova/rpc";
import type { Migration, Store } from "@micronova/store";
import { memoryStore } from "@micronova/store/testing";
import { type RunnableSaga, type RunnableStep, runnable } from "./builder.ts";
import { type Outcome, type Saga, type Subject, sagaDoor, sagaMigrations, sagaRunner } from "./index.ts";
import { doorsOf, type Fates, type Kill } from "./simulated-conductor.ts";

/** What a saga runs in: tables, and hosts that answer. Opened afresh for each run. */
export interface SagaWorld<P> {
  /** Of the tables the saga's steps touch; those of sagas themselves are there already. */
  readonly migrations: readonly Migration[];
  open(cloud: WorldCloud): Promise<OpenWorld<P>>;
}

/** What a world is made on. Hosts are served on `rpc`; they outlive the conductors that are killed. */
export interface WorldCloud {
  readonly platform: TestPlatform;
  readonly store: Store;
  readonly rpc: Rpc;
}

export interface OpenWorld<P> {
  readonly params: P;
  readonly subject: Subject;
  /**
   * Throws when something is left behind or missing. Returns the outcome in a word or two: it has to be the
   * same with and without a kill.
   */
  check(outcome: Outcome): Promise<string>;
}

interface Plan {
  readonly kills?: readonly Kill[];
  readonly isEchoing?: boolean;
  /** Which call is made once more, and before which effect. */
  readonly late?: { readonly call: number; readonly at: number };
}

interface Run {
  readonly outcome: Outcome;
  readonly told: string;
  readonly effects: number;
  readonly calls: number;
}

const failures = errorTable("saga-test", {
  final: { status: 500, text: (step: string) => `The step ${step} was made to fail.` },
  passing: { status: 503, text: (step: string) => `The step ${step} was made to fail.`, retriable: true },
});
const whens = ["before", "after"] as const;
// Far beyond what any saga of a test takes; reached only by one that hangs.
const secondsMax = 7_200;
const turnsPerSecond = 25;

/**
 * The saga ends as it does undisturbed, wherever its conductor is killed; with `pairs`, wherever it is killed
 * twice.
 */
export async function killedAtEveryEffect<P>(
  saga: Saga<P>,
  world: SagaWorld<P>,
  options: { readonly pairs?: boolean } = {},
): Promise<number> {
  let runs = 0;
  for (const variant of [saga, ...failingVariants(saga)]) {
    const calm = await live(variant, world, {});
    for (const first of killsIn(0, calm.effects)) {
      const once = await live(variant, world, { kills: [first] });
      assertSame(variant, once, calm, [first]);
      runs++;
      const isPaired = options.pairs === true && variant === saga;
      for (const second of isPaired ? killsIn(first.at + 1, once.effects) : []) {
        assertSame(variant, await live(variant, world, { kills: [first, second] }), calm, [first, second]);
        runs++;
      }
    }
  }
  return runs;
}

/**
 * Whichever step fails, before or after doing its work, for good or for once, the saga ends and leaves
 * nothing behind.
 */
export async function everyStepFails<P>(saga: Saga<P>, world: SagaWorld<P>): Promise<void> {
  for (const variant of failingVariants(saga)) {
    const { outcome } = await live(variant, world, {});
    assert.notEqual(outcome.state, "stuck", `${variant.name}: an undo fails`);
  }
}

/** Every call, of steps and of undoing them, reaches its host twice. */
export async function everyStepTwice<P>(saga: Saga<P>, world: SagaWorld<P>): Promise<void> {
  for (const variant of [saga, ...failingVariants(saga)]) {
    const calm = await live(variant, world, {});
    assertSame(variant, await live(variant, world, { isEchoing: true }), calm, "every call twice");
  }
}

/**
 * Every call is repeated once more, at every later moment, as a bus may do; only fences stand against that.
 */
export async function everyCallComesLate<P>(saga: Saga<P>, world: SagaWorld<P>): Promise<number> {
  let runs = 0;
  for (const variant of [saga, ...failingVariants(saga)]) {
    const calm = await live(variant, world, {});
    for (let call = 0; call < calm.calls; call++) {
      for (let at = 0; at <= calm.effects; at++) {
        assertSame(variant, await live(variant, world, { late: { call, at } }), calm, { call, at });
        runs++;
      }
    }
  }
  return runs;
}

function assertSame(saga: { readonly name: string }, run: Run, calm: Run, disturbance: unknown): void {
  const what = `${saga.name}, disturbed by ${JSON.stringify(disturbance)}`;
  assert.deepEqual([run.outcome.state, run.told], [calm.outcome.state, calm.told], what);
}

function killsIn(from: number, to: number): Kill[] {
  const places = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
  return places.flatMap((at) => whens.map((when) => ({ at, when })));
}

/** The saga with one step failing, in each way a step can. */
function failingVariants<P>(saga: Saga<P>): Saga<P>[] {
  const whole = runnable(saga);
  return whole.steps.flatMap((step) => {
    const before = variant(whole, step, "before", (attempt) => attempt > 0 && failures.final(step.name));
    const once = variant(whole, step, "before", (attempt) => attempt === 1 && failures.passing(step.name));
    const after = variant(whole, step, "after", (attempt) => attempt > 0 && failures.final(step.name));
    return step.kind === "remote" ? [before, once, after] : [before, once];
  });
}

function variant<P>(
  saga: RunnableSaga,
  target: RunnableStep,
  when: "before" | "after",
  fault: (attempt: number) => Error | false,
): Saga<P> {
  const failing: RunnableStep = {
    ...target,
    async do(env, context) {
      // The runner passes every step a context with its attempt.
      const error = fault((context as { attempt: number }).attempt);
      if (error !== false && when === "before") throw error;
      const output = await target.do(env, context);
      if (error !== false) throw error;
      return output;
    },
  };
  const steps = saga.steps.map((step) => (step === target ? failing : step));
  // The same saga but for one step's body, so it takes the same parameters.
  return { ...saga, steps } as Saga<unknown> as Saga<P>;
}

/** One run of the saga in a fresh world, its conductor started again each time it is killed. */
async function live<P>(saga: Saga<P>, world: SagaWorld<P>, plan: Plan): Promise<Run> {
  const platform = testPlatform();
  const store = await memoryStore(platform, [...sagaMigrations, ...world.migrations]);
  const rpc = busRpc({ platform, bus: new Broker(platform).bus() });
  const opened = await world.open({ platform, store, rpc });
  const fate = fateOf(plan);
  const door = sagaDoor({ platform, store, rpc });
  const { params, subject } = opened;
  const request = systemContext(platform.random.uuid());
  const sagaId = await store.transaction((tx) => door.start(tx, saga, params, { subject, request }));

  let outcome: Outcome | null = null;
  door.outcome(sagaId).then((known) => {
    outcome = known;
  });
  await conduct({ platform, store, rpc }, saga, fate, () => outcome !== null);
  const effects = fate.effects;
  if (plan.late !== undefined && plan.late.at >= effects) await sendLate(fate, plan.late.call);
  assert(outcome !== null, `${saga.name} did not end`);
  const told = await opened.check(outcome);
  await store.close();
  return { outcome, told, effects, calls: fate.sent.length };
}

function fateOf({ kills = [], isEchoing = false, late }: Plan): Fates {
  const fate: Fates = {
    effects: 0,
    kills: [...kills],
    sent: [],
    isEchoing,
    async onEffect(at) {
      if (late !== undefined && at === late.at) await sendLate(fate, late.call);
    },
  };
  return fate;
}

/** Makes a call again, if it was made by now; nobody hears its answer. */
async function sendLate(fate: Fates, call: number): Promise<void> {
  const send = fate.sent[call];
  if (send !== undefined) await Promise.allSettled([send()]);
}

async function conduct<P>(
  cloud: WorldCloud,
  saga: Saga<P>,
  fate: Fates,
  isDone: () => boolean,
): Promise<void> {
  for (let second = 0; second < secondsMax && !isDone(); ) {
    const doors = doorsOf(cloud, fate);
    const { platform, store, rpc } = doors;
    const runner = sagaRunner({ platform, store, rpc, sagas: [saga], owner: "conductor" });
    await runner.start();
    for (let turn = 1; second < secondsMax && !isDone() && !doors.isDead(); turn++) {
      if (turn % turnsPerSecond === 0) second++;
      await cloud.platform.clock.advance(turn % turnsPerSecond === 0 ? 1_000 : 0);
    }
    // A conductor that is not killed stops by itself, which is no effect of the saga any more.
    if (!doors.isDead()) await stopQuietly(runner, fate);
  }
}

async function stopQuietly(runner: { stop(): Promise<void> }, fate: Fates): Promise<void> {
  const { effects } = fate;
  await runner.stop();
  fate.effects = effects;
}
