// Every story of the kill matrix: each role killed at each moment, and the short ones twice. The page of it
// (`npm run sim -- --kill-matrix`) has to be of the stories and moments there are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cloudSagas } from "@micronova/cloud";
import { titleOf } from "../../tools/golden/kill-matrix.ts";
import { killedInPairs, killMatrixOf } from "./kill-matrix.ts";
import { stories } from "./stories.ts";

const page = readFileSync(new URL("../../docs/reference/kill-matrix.md", import.meta.url), "utf8");

test("every saga has its story", () => {
  const told = new Set(stories.map(({ name }) => name));

  assert.deepEqual(
    cloudSagas.map(({ name }) => name).filter((name) => !told.has(name)),
    [],
  );
});

for (const story of stories)
  test(`${titleOf(story)} survives the kill of any role at any moment`, async () => {
    const rows = await killMatrixOf(story);
    const pairs = await killedInPairs(story);

    for (const { moment, cells } of rows)
      for (const { role, findings } of cells) assert.deepEqual(findings, [], `${role} at "${moment.label}"`);
    assert.deepEqual(pairs?.findings ?? [], []);
    const section = page.split("\n## ").find((part) => part.startsWith(`${titleOf(story)}\n`)) ?? "";
    const labels = section.split("\n").flatMap((line) => /^\| (.+?) \|/.exec(line)?.[1] ?? []);
    assert.deepEqual(
      labels.slice(2),
      rows.map(({ moment }) => moment.label),
      "docs/reference/kill-matrix.md is of another time: npm run sim -- --kill-matrix",
    );
  });
