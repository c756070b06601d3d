// Lists as people and programs read them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsOf, renderRows } from "./table.ts";

const rows = [
  { name: "q1", ready: 3, state: null },
  { name: 'a "b", c', ready: 12, state: "idle" },
];
const columns = ["name", "ready", "state"];

test("a table is aligned, with a dash for nothing", () => {
  assert.equal(
    renderRows("table", columns, rows),
    'name      ready  state\nq1        3      -\na "b", c  12     idle\n',
  );
});

test("programs get JSON, CSV or bare values", () => {
  assert.deepEqual(JSON.parse(renderRows("json", columns, rows)), rows);
  assert.equal(renderRows("csv", columns, rows), 'name,ready,state\nq1,3,\n"a ""b"", c",12,idle\n');
  assert.equal(renderRows("value", ["ready", "name"], rows), '3 q1\n12 a "b", c\n');
});

test("an empty list is an empty list", () => {
  assert.equal(renderRows("json", columns, []), "[]\n");
  assert.equal(renderRows("value", columns, []), "");
});

test("columns are those asked for, in that order, or a sentence about the one that is not there", () => {
  assert.deepEqual(columnsOf([], columns), columns);
  assert.deepEqual(columnsOf(["state", "name"], columns), ["state", "name"]);
  assert.throws(() => columnsOf(["size"], columns), /no column size; there are name, ready, state/);
});
