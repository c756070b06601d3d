// The journal against a model, killed at any moment, and its files cut and spoilt in any place: what was
// confirmed and not settled is there, in order and for its queues; what was settled is not.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Random, seededRandom } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import fc from "fast-check";
import { contentOfMessage } from "../content.ts";
import { plainJson } from "../wire-form.ts";
import { contentOf } from "./record.ts";
import { recover } from "./recovery.ts";
import { SegmentJournal } from "./segment-journal.ts";
import { readSegment } from "./segment-reader.ts";

const root = mkdtempSync(join(tmpdir(), "journal-"));
after(() => rmSync(root, { recursive: true, force: true }));
let dirs = 0;
function aDir(copied?: string): string {
  const dir = join(root, String(++dirs));
  if (copied === undefined) mkdirSync(dir);
  else cpSync(copied, dir, { recursive: true });
  return dir;
}

const queues = [1, 2, 3];
// Two or three messages.
const segmentBytes = 200;
const stepsOfALife = 120;

/** A message for one queue. Bodies grow; numbers may be given twice when the first was never safe. */
interface Copy {
  readonly id: number;
  readonly body: number;
  readonly queue: number;
  isConfirmed: boolean;
  /** Asked for, and known to be written. */
  isSettled: "no" | "asked" | "yes";
}

interface Opened {
  readonly journal: SegmentJournal;
  readonly found: readonly Copy[];
}

function open(dir: string): Opened {
  const found: Copy[] = [];
  const isKnown = (queue: number) => queues.includes(queue);
  const { segments, nextId } = recover(dir, isKnown, (queue, pages) => {
    for (const { id, content } of pages.flatMap((page) => page.read())) {
      const body = Number(content.message(plainJson).body);
      found.push({ id, body, queue, isConfirmed: true, isSettled: "no" });
    }
  });
  const options = { dir, form: plainJson, onTrouble: () => undefined, before: () => undefined, segmentBytes };
  return { journal: new SegmentJournal(testPlatform(), options, segments, nextId), found };
}

/** What a killed process leaves, and what must be found there. */
interface Snapshot {
  readonly dir: string;
  readonly copies: readonly Copy[];
}

const snapshotOf = (dir: string, copies: readonly Copy[]): Snapshot => ({
  dir: aDir(dir),
  copies: copies.map((copy) => ({ ...copy })),
});

function check({ dir, copies }: Snapshot): Opened {
  const opened = open(dir);
  for (const queue of queues) {
    const found = opened.found.filter((copy) => copy.queue === queue).map(({ body }) => body);
    const those = copies.filter((copy) => copy.queue === queue);
    const bodies = (which: (copy: Copy) => boolean) => those.filter(which).map(({ body }) => body);
    assert.deepEqual(
      found,
      [...new Set(found)].sort((one, other) => one - other),
      "in order, each once",
    );
    const safe = bodies(({ isConfirmed, isSettled }) => isConfirmed && isSettled === "no");
    assert.deepEqual(missing(safe, found), [], "nothing confirmed is lost");
    const possible = bodies(({ isSettled }) => isSettled !== "yes");
    assert.deepEqual(missing(found, possible), [], "nothing settled comes back");
  }
  return opened;
}

function missing(wanted: readonly number[], there: readonly number[]): readonly number[] {
  const known = new Set(there);
  return wanted.filter((one) => !known.has(one));
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A life that adds and settles; it is looked at in the middle of things, as a kill would. */
async function live(random: Random, before: Opened, dir: string, isPatient: boolean): Promise<Copy[]> {
  const { journal, found } = before;
  const copies = [...found];
  let body = Math.max(0, ...copies.map((copy) => copy.body));
  const snapshots: Snapshot[] = [];
  const look = () => snapshots.push(snapshotOf(dir, copies));
  for (let step = 0; step < stepsOfALife; step++) {
    const waiting = copies.filter(({ isSettled }) => isSettled === "no");
    // The oldest mostly stay, as behind a consumer that is stuck.
    const one = waiting[Math.max(...Array.from({ length: 4 }, () => random.int(waiting.length)))];
    if (one === undefined || random.int(16) >= waiting.length) {
      const to = queues.filter(() => random.int(3) > 0);
      const content = contentOfMessage("", "q", { body: ++body });
      const id = journal.add(content, to);
      const added = to.map((queue): Copy => ({ id, body, queue, isConfirmed: false, isSettled: "no" }));
      copies.push(...added);
      journal.whenSafe(journal.batch, () => {
        for (const copy of added) copy.isConfirmed = true;
        if (random.int(8) === 0) queueMicrotask(look);
      });
    } else {
      journal.settled(one.queue, one.id);
      one.isSettled = "asked";
      queueMicrotask(() => {
        one.isSettled = "yes";
      });
    }
    for (let turns = random.int(4); turns > 0; turns--) await turn();
    if (random.int(20) === 0) look();
  }
  for (const snapshot of snapshots) {
    await check(snapshot).journal.close();
    rmSync(snapshot.dir, { recursive: true });
  }
  if (isPatient) await journal.close();
  return copies;
}

async function story(seed: number, lives: number): Promise<Snapshot> {
  const random = seededRandom(seed);
  let dir = aDir();
  let opened = open(dir);
  for (let life = 1; ; life++) {
    const copies = await live(random, opened, dir, life === lives || random.int(2) === 0);
    const left = snapshotOf(dir, copies);
    if (life === lives) return left;
    opened = check(left);
    dir = left.dir;
  }
}

test("whatever is added, settled, moved and killed, what is needed is there and nothing else", async () => {
  const lives = fc.asyncProperty(fc.nat(), async (seed) => void (await story(seed, 4)));
  await fc.assert(lives, { numRuns: 12, endOnFailure: true });
});

/** Opens what is left, as if nothing else had been safe; then adds more and opens again. */
async function surviving(dir: string): Promise<readonly Copy[]> {
  const { journal, found } = open(dir);
  const body = 1_000_000;
  journal.add(contentOfMessage("", "q", { body }), queues);
  await journal.close();
  const again = open(dir);
  await again.journal.close();
  const before = again.found.filter((copy) => copy.body !== body);
  assert.equal(again.found.length - before.length, queues.length, "what comes after a cut is kept");
  assert.deepEqual(before, found);
  return found;
}

const keyOf = ({ queue, body }: Copy) => `${queue} ${body}`;
const lostOf = (whole: readonly Copy[], left: readonly Copy[]) => {
  const there = new Set(left.map(keyOf));
  return whole.filter((copy) => !there.has(keyOf(copy)));
};
const files = (dir: string, kind: string) =>
  readdirSync(dir)
    .filter((file) => file.endsWith(kind))
    .sort();

test("what every queue has done with is safe before it is on disk, and what comes after it is not", async () => {
  const { journal } = open(aDir());
  const safe: string[] = [];
  const add = (name: string, to: readonly number[]) => {
    const id = journal.add(contentOfMessage("", "q", { body: 1 }), to);
    journal.whenSafe(journal.batch, () => safe.push(name));
    return id;
  };
  const first = add("first", [1, 2]);
  journal.settled(1, first);
  const afterOne = [...safe];
  journal.settled(2, first);
  const afterBoth = [...safe];
  add("second", [1]);
  const third = add("third", [1]);
  journal.settled(1, third);

  assert.deepEqual(afterOne, []);
  assert.deepEqual(afterBoth, ["first"]);
  assert.deepEqual(safe, ["first"]);
  await journal.close();
  assert.deepEqual(safe, ["first", "second", "third"]);
});

test("files of messages that are cut anywhere lose what was cut off, and nothing else", async () => {
  const { dir } = await story(1, 2);
  const whole = open(dir).found;
  for (const file of files(dir, ".messages")) {
    const bytes = readFileSync(join(dir, file));
    for (let size = 0; size < bytes.length; size += 1 + (size % 7)) {
      const cut = aDir(dir);
      writeFileSync(join(cut, file), bytes.subarray(0, size));
      const wholeRecords = [...readSegment(join(cut, file))].length;
      const cutOff = [...readSegment(join(dir, file))].slice(wholeRecords);
      const bodies = new Set(cutOff.map((record) => Number(contentOf(record).message(plainJson).body)));

      const left = await surviving(cut);

      assert.deepEqual(
        lostOf(whole, left).filter(({ body }) => !bodies.has(body)),
        [],
        `${file} at ${size}`,
      );
      assert.deepEqual(lostOf(left, whole), []);
      rmSync(cut, { recursive: true });
    }
  }
});

test("files of what was settled lose nothing that is needed, however they are spoilt", async () => {
  const { dir } = await story(2, 2);
  const whole = open(dir).found;
  const random = seededRandom(3);
  for (const file of files(dir, ".settled")) {
    const bytes = readFileSync(join(dir, file));
    for (let round = 0; round < 30; round++) {
      const spoilt = Buffer.from(bytes);
      const at = random.int(spoilt.length);
      const kind = random.int(3);
      if (kind === 0) spoilt.fill(0, at, Math.min(spoilt.length, at + 1 + random.int(64)));
      else if (kind === 1) spoilt[at]! ^= 1 + random.int(255);
      const cut = aDir(dir);
      writeFileSync(join(cut, file), kind === 2 ? spoilt.subarray(0, at) : spoilt);

      assert.deepEqual(lostOf(whole, await surviving(cut)), [], `${file}, round ${round}`);
      rmSync(cut, { recursive: true });
    }
  }
});

test("a message for very many queues is kept for each, and one that cannot be written spoils no other", async () => {
  const dir = aDir();
  const many = Array.from({ length: 70_000 }, (_, at) => at + 1);
  const { journal } = open(dir);
  const id = journal.add(contentOfMessage("", "q", { body: 1 }), many);
  const key = "k".repeat(300);
  assert.throws(() => journal.add(contentOfMessage("", key, { body: 2 }), [1]), RangeError);
  journal.add(contentOfMessage("", "q", { body: 3 }), [1]);
  for (const queue of many.slice(3)) journal.settled(queue, id);
  await journal.close();

  const { found } = open(dir);

  assert.deepEqual(found.map(keyOf), ["1 1", "1 3", "2 1", "3 1"]);
});
