// The pure part: what a log means. Every log a runner can write leads to an end, and unwinds in reverse.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runnable, saga, sagaShape } from "./builder.ts";
import type { StepError } from "./index.ts";
import { moveAfter, nextMove, noProgress, progressOf, retryAfter, type SagaEvent } from "./next-move.ts";

const nothing = { do: async () => undefined };
const undoable = { ...nothing, undo: async () => undefined };
const four = saga<object>("four")
  .local("one", undoable)
  .query("ask", nothing)
  .local("two", undoable)
  .remote("three", undoable)
  .retryFrom("ask", 2)
  .remote("four", undoable)
  .build();
const passing: StepError = { kind: "t.passing", status: 503, message: "Later.", retriable: true };
const at = { began: 1, at: 1 };

function say(...lines: string[]): SagaEvent[] {
  return lines.map((line) => {
    const [type, step, attempt = "1"] = line.split(" ");
    const event = { ...at, step: step!, attempt: Number(attempt) };
    switch (type) {
      case "started":
      case "undoing":
        return { ...event, type, fence: 1 };
      case "succeeded":
        return { ...event, type, output: step! };
      case "failed":
        return { ...event, type, error: passing, retryFrom: null };
      case "failed-again":
        return { ...event, type: "failed", error: passing, retryFrom: "ask" };
      default:
        return { ...event, type: "undone" };
    }
  });
}

function told(log: SagaEvent[]): string {
  const move = nextMove(four, log);
  return "step" in move ? `${move.kind} ${move.step.name} ${move.attempt}` : move.kind;
}

const cases: [string, string[], string][] = [
  ["an empty log begins", [], "do one 1"],
  ["what succeeded is behind", ["succeeded one", "succeeded ask"], "do two 1"],
  [
    "what only started is done again",
    ["succeeded one", "succeeded ask", "succeeded two", "started three"],
    "do three 1",
  ],
  [
    "a failed remote step is itself undone first",
    ["succeeded one", "succeeded ask", "succeeded two", "started three", "failed three"],
    "undo three 1",
  ],
  ["a failed local step did nothing", ["succeeded one", "succeeded ask", "failed two"], "undo ask 1"],
  ["unwinding ends", ["succeeded one", "failed ask", "undone one"], "unwound"],
  [
    "a retry unwinds no further than the step it starts from",
    ["succeeded one", "succeeded ask", "failed-again two", "undone ask"],
    "do ask 2",
  ],
  [
    "a retry keeps what came before it",
    ["succeeded one", "failed-again ask", "succeeded ask 2", "succeeded two 2", "started three 2"],
    "do three 2",
  ],
  ["all done", ["one", "ask", "two", "three", "four"].map((step) => `succeeded ${step}`), "finished"],
];
for (const [name, log, expected] of cases) {
  test(name, () => assert.equal(told(say(...log)), expected));
}

test("a retry is only for retriable errors, and only so often", () => {
  const three = runnable(four).steps[3]!;

  assert.equal(retryAfter(three, 1, passing), "ask");
  assert.equal(retryAfter(three, 2, passing), null);
  assert.equal(retryAfter(three, 1, { ...passing, retriable: false }), null);
});

test("a past failure carries what the steps before it had found", () => {
  const { failures } = progressOf(runnable(four), say("succeeded one", "succeeded ask", "failed-again two"));

  assert.deepEqual(failures, [
    { step: "two", attempt: 1, error: passing, outputs: { one: "one", ask: "ask" } },
  ]);
});

test("whatever fails, and wherever the log is cut and read again, the saga ends, and undoes in reverse", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("ok", "ok", "ok", "passing", "final"), { maxLength: 40 }),
      (luck) => {
        const log: SagaEvent[] = [];
        const whole = runnable(four);
        let live = noProgress;
        for (let turn = 0; ; turn++) {
          assert(turn < 100, "the saga goes on forever");
          const move = moveAfter(whole, live);
          assert.deepEqual(nextMove(four, log), move, "reading the log again gives another move");
          if (!("step" in move)) break;
          const event = play(move, luck[turn] ?? "ok");
          log.push(event);
          live = progressOf(whole, [event], live);
        }
        assert(live.failure === null || live.begun.size === 0, "something is left behind");
      },
    ),
  );
});

function play(
  { kind, step, attempt }: Extract<ReturnType<typeof nextMove>, { kind: "do" | "undo" }>,
  luck: string,
): SagaEvent {
  const event = { ...at, step: step.name, attempt };
  if (kind === "undo") return { ...event, type: "undone" };
  if (luck === "ok") return { ...event, type: "succeeded", output: null };
  const error = { ...passing, retriable: luck === "passing" };
  return { ...event, type: "failed", error, retryFrom: retryAfter(step, attempt, error) };
}

test("the shape of a saga is a line for the golden file", () => {
  assert.equal(sagaShape(four), "four: one (local), ask (query), two (local), three (remote), four (remote)");
});

test("two steps of one name, and a retry from nowhere, are refused", () => {
  assert.throws(() => saga("x").local("a", nothing).local("a", nothing), /two steps are called a/);
  // The type refuses it too.
  assert.throws(
    () =>
      saga("x")
        .local("a", nothing)
        .retryFrom("b" as "a", 2),
    /there is no step b/,
  );
});
