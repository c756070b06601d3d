import assert from "node:assert/strict";
import { test } from "node:test";
import { states } from "@micronova/kit";
import { versions } from "./golden/api.ts";
import { commandsOf } from "./golden/cli.ts";
import { settingRows } from "./golden/configuration.ts";
import { table } from "./golden/markdown.ts";
import { whoMay } from "./golden/policies.ts";
import { brokenPromises, stepsOf } from "./golden/sagas.ts";
import { statePage } from "./golden/states.ts";
import { differences } from "./golden.ts";

const golden = { "volume-attach": ["export (remote)", "attach (remote)"] };

test("a saga may grow at its end, and new sagas may come", () => {
  const grown = { "volume-attach": [...golden["volume-attach"], "complete (local)"], other: ["x (local)"] };

  assert.deepEqual(brokenPromises(golden, grown), []);
});

test("steps of a saga that change, move or go are told, and so is a saga that is gone", () => {
  const cases: readonly [steps: string[], sentence: string][] = [
    [
      ["export (local)", "attach (remote)"],
      "Step 1 of the saga volume-attach was export (remote) and is now export (local).",
    ],
    [
      ["export (remote)", "look (query)", "attach (remote)"],
      "Step 2 of the saga volume-attach was attach (remote) and is now look (query).",
    ],
    [["export (remote)"], "Step 2 of the saga volume-attach was attach (remote) and is now nothing."],
  ];

  for (const [steps, sentence] of cases) {
    assert.deepEqual(brokenPromises(golden, { "volume-attach": steps }), [sentence]);
  }
  assert.equal(brokenPromises(golden, {}).length, 1);
});

test("sagas stand in the golden file by name, whatever the order in the code", () => {
  const step = { name: "s", kind: "local" } as const;
  const sagas = ["b", "a"].map((name) => ({ name, steps: [step] }));

  assert.deepEqual(Object.entries(stepsOf({ sagas })), [
    ["a", ["s (local)"]],
    ["b", ["s (local)"]],
  ]);
});

test("each file that is missing, differs or is left over is named, with the line", () => {
  const present = new Map([
    ["same.md", "a\n"],
    ["old.md", "a\nb\n"],
    ["gone.md", ""],
  ]);
  const wanted = new Map([
    ["same.md", "a\n"],
    ["old.md", "a\nc\n"],
    ["new.md", ""],
  ]);

  assert.deepEqual(differences(present, wanted), [
    "old.md differs in line 2.",
    "new.md is missing.",
    "gone.md comes from nothing in the code.",
  ]);
  assert.deepEqual(differences(present, present), []);
});

test("settings are named by their path, and inherit the help of their group", () => {
  const schema = {
    properties: {
      port: { type: "integer", default: 1, minimum: 0, maximum: 9, description: "A port." },
      tls: { description: "Files.", properties: { key: { type: "string" } } },
      log: { properties: { level: { enum: ["info", "debug"], default: "info", description: "Least." } } },
    },
  };

  assert.deepEqual(settingRows(schema), [
    ["`port`", "a number from 0 to 9", "`1`", "A port."],
    ["`tls.key`", "text", "–", "Files."],
    ["`log.level`", "`info`, `debug`", "`info`", "Least."],
  ]);
});

test("a rule that is a function is told by whom it lets in", () => {
  assert.equal(whoMay("anyone"), "anyone with a token");
  assert.equal(whoMay("member"), "member");
  assert.equal(
    whoMay((context) => context.isSystem || context.isAdmin),
    "reader of the system, admin",
  );
  assert.equal(
    whoMay(() => false),
    "nobody",
  );
});

test("spans read as words", () => {
  const spans = [{}, { since: "2.4" }, { until: "2.9" }, { since: "2.4", until: "2.9" }];

  assert.deepEqual(spans.map(versions), ["all", "since 2.4", "until 2.9", "2.4 to 2.9"]);
});

test("a state page draws what succeeds and leaves out what stays the same", () => {
  const machine = states({
    initial: "new",
    stable: ["in-use", "gone"],
    actions: {
      take: { from: ["new"], task: "taking", to: "in-use", fail: "same" },
      look: { from: ["in-use"], task: null, to: "same", fail: "same" },
      drop: { from: "any", task: "dropping", evenWhileBusy: true, to: "gone", fail: "same" },
    },
  });

  const page = statePage("thing", machine, []);

  assert.match(page, /\| `drop` \| any state, even while another action runs \| `dropping` \| `gone` \|/);
  assert.match(
    page,
    /\[\*\] --> new\n {2}new --> in_use: take\n {2}new --> gone: drop\n {2}in_use --> gone: drop\n/,
  );
});

test("cells keep to their line and column", () => {
  assert.equal(table(["A"], [["x|y\nz"]]), "| A |\n| --- |\n| x\\|y z |");
});

test("commands are read from the program's own help", () => {
  const help =
    "Options:\n  -h  help\n\nCommands:\n  up [options]  start\n                it\n  env  print\n  help [command]  x\n";

  assert.deepEqual(commandsOf(help), ["up", "env"]);
});
