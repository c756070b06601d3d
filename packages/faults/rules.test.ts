// Rules: which calls they are about, when they act, when they end, and that a seed makes them repeatable.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { testPlatform } from "@micronova/kit/testing";
import { openFaults, readRules } from "./index.ts";

function someFaults(seed = "1", logPath: string | null = null) {
  const platform = testPlatform();
  const faults = openFaults(platform, { seed, logPath, isNew: true, die: () => undefined });
  const add = async (...rules: readonly object[]) => {
    // What a client sends.
    faults.rules.add(await readRules(rules as Parameters<typeof readRules>[0]));
  };
  /** Whether each of so many calls of a driver is hit. */
  const hits = (method = "spawn", count = 1) =>
    Array.from({ length: count }, (_, n) => {
      const facts = { method, driver: "virt", host: "h1", resource: [`s${n}`, "web"], project: "p1" };
      const call = () => ({ where: `h1 virt.${method}`, requestId: `req-${n}`, facts });
      return faults.rules.decide("driver", call).length > 0;
    });
  return { platform, faults, add, hits };
}

const failing = (match: object, rest: object = {}) => ({
  place: "driver",
  match: { method: "spawn", ...match },
  action: { kind: "fail" },
  ...rest,
});

test("a rule matches by each of its patterns", async () => {
  const cases: readonly (readonly [object, boolean])[] = [
    [{}, true],
    [{ host: "h1", driver: "virt", project: "p1" }, true],
    [{ host: "h*" }, true],
    [{ host: "h" }, false],
    [{ host: "h.*" }, false],
    [{ resource: "web" }, true],
    [{ resource: "s1" }, false],
    [{ method: "*" }, true],
    [{ method: "spawn*" }, true],
    [{ project: "p2" }, false],
  ];
  for (const [match, isHit] of cases) {
    const { add, hits } = someFaults();
    await add(failing(match));

    assert.deepEqual(hits(), [isHit], JSON.stringify(match));
  }
});

test("a rule acts every time, the nth time, or the first times", async () => {
  const cases: readonly (readonly [object, readonly boolean[]])[] = [
    [{}, [true, true, true, true]],
    [{ nth: 3 }, [false, false, true, false]],
    [{ first: 2 }, [true, true, false, false]],
    [{ probability: 0 }, [false, false, false, false]],
    [{ probability: 1 }, [true, true, true, true]],
  ];
  for (const [when, expected] of cases) {
    const { add, hits } = someFaults();
    await add(failing({}, { when }));

    assert.deepEqual(hits("destroy", 2), [false, false]);
    assert.deepEqual(hits("spawn", 4), expected, JSON.stringify(when));
  }
});

test("a probability is drawn from the rule's own seed", async () => {
  const drawn = async (seed: string, rule: object, others: readonly object[] = []) => {
    const { add, hits } = someFaults(seed);
    await add(...others, failing({}, { id: "mine", ...rule }));
    return hits("spawn", 200).join();
  };
  const half = { when: { probability: 0.5 } };
  const seeded = { when: { probability: 0.5, seed: 7 } };

  const first = await drawn("1", half);
  const count = first.split(",").filter((hit) => hit === "true").length;

  assert.ok(count > 60 && count < 140, `${count} of 200`);
  assert.equal(await drawn("1", half), first);
  assert.notEqual(await drawn("2", half), first);
  assert.notEqual(await drawn("1", { ...half, id: "other" }), first);
  assert.equal(await drawn("1", seeded), await drawn("2", seeded));
  // What other rules draw does not matter to this one.
  const other = failing({ host: "h2" }, half);
  assert.equal(await drawn("1", half, [other]), first);
});

test("a rule ends after its time, after so many hits, and when it is removed", async () => {
  const { platform, faults, add, hits } = someFaults();
  await add(failing({}, { expires: { seconds: 10, hits: 2 } }));

  assert.deepEqual(hits("spawn", 3), [true, true, false]);
  const [spent] = faults.rules.list();
  assert.deepEqual([spent?.hits, spent?.matched, spent?.isOver], [2, 2, true]);

  await add(failing({}, { id: "brief", expires: { seconds: 10 } }));
  await platform.clock.advance(9_999);
  assert.deepEqual(hits(), [true]);
  await platform.clock.advance(1);
  assert.deepEqual(hits(), [false]);

  await add(failing({}, { id: "gone" }));
  faults.rules.remove("gone");
  assert.deepEqual(hits(), [false]);
  assert.throws(() => faults.rules.remove("gone"), /There is no fault rule gone\./);
});

test("rules have names, given or made, each but once", async () => {
  const { faults, add } = someFaults();
  await add(failing({}), failing({}, { id: "mine" }), failing({}));

  assert.deepEqual(
    faults.rules.list().map(({ rule }) => rule.id),
    ["rule-1", "mine", "rule-2"],
  );
  await assert.rejects(
    add(failing({}, { id: "new" }), failing({}, { id: "mine" })),
    /a fault rule mine already/,
  );
  assert.equal(faults.rules.list().length, 3);
  faults.rules.clear();
  assert.deepEqual(faults.rules.list(), []);
});

test("the same seed and the same calls give the same log, byte for byte", async () => {
  const dir = mkdtempSync(join(tmpdir(), "fault-log-"));
  const run = async (name: string, seed: string) => {
    const path = join(dir, name);
    const { add, hits, faults } = someFaults(seed, path);
    await add(failing({}, { when: { probability: 0.3 } }), failing({ resource: "s5" }));
    await add({ place: "bus", action: { kind: "freeze" }, match: { role: "compute", host: "h1" } });
    hits("spawn", 50);
    return { file: readFileSync(path, "utf8"), log: faults.log(1_000) };
  };

  const one = await run("a", "1");
  const same = await run("b", "1");
  const other = await run("c", "2");
  const again = await run("a", "1");

  assert.equal(same.file, one.file);
  assert.notEqual(other.file, one.file);
  assert.ok(again.file.startsWith(`${one.file}{"start":2,"seed":"1"}\n`));
  const lines = one.file.trimEnd().split("\n");
  assert.equal(lines[0], '{"start":1,"seed":"1"}');
  assert.deepEqual(
    lines.slice(1),
    one.log.map((event) => JSON.stringify(event)),
  );
  assert.equal(
    lines[1],
    '{"n":1,"rule":"rule-3","place":"bus","action":"freeze","where":"compute h1","request_id":null}',
  );
  rmSync(dir, { recursive: true });
});

test("what is wrong with a rule is said of its field", async () => {
  const http = { place: "http", action: { kind: "answer", status: 503 } };
  const cases: readonly (readonly [object, RegExp])[] = [
    [
      { place: "http", action: { kind: "fail" } },
      /'rules\/0\/action\/kind': 'fail' is not one of delay, answer/,
    ],
    [{ ...http, action: { kind: "answer" } }, /'rules\/0\/action': 'status' is a required property/],
    [
      { ...http, action: { kind: "answer", status: 200 } },
      /'rules\/0\/action\/status': 200 is less than the minimum/,
    ],
    [{ ...http, action: { kind: "drop", status: 500 } }, /'rules\/0\/action': .*'status' was unexpected/],
    [{ ...http, match: { queue: "x" } }, /'rules\/0\/match': .*'queue' was unexpected/],
    [{ ...http, match: { method: 7 } }, /'rules\/0\/match\/method': 7 is not of type 'string'/],
    [{ ...http, when: { nth: 0 } }, /'rules\/0\/when\/nth': 0 is less than the minimum of 1/],
    [{ ...http, when: { nth: 1, first: 2 } }, /'rules\/0\/when': one of nth and first is enough\./],
    [{ ...http, when: { nth: 1, seed: 2 } }, /'rules\/0\/when\/seed': a seed is for a probability\./],
    [{ ...http, id: "a b" }, /'rules\/0\/id': 'a b' does not match/],
    [{ ...http, expires: { seconds: 0 } }, /'rules\/0\/expires\/seconds': 0 is less than or equal/],
    [{ ...http, surprise: 1 }, /'rules\/0': .*'surprise' was unexpected/],
    [{ place: "driver", action: { kind: "fail" } }, /'rules\/0': 'match' is a required property/],
    [{ place: "bus", action: { kind: "freeze" }, when: { nth: 1 } }, /'rules\/0': .*'when' was unexpected/],
  ];
  for (const [rule, expected] of cases) {
    const { add } = someFaults();
    await assert.rejects(add(rule), expected, JSON.stringify(rule));
  }
  const { add } = someFaults();
  await assert.rejects(add(http, { ...http, id: "" }), /'rules\/1\/id'/);
});
