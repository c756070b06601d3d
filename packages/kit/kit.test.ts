import assert from "node:assert/strict";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { configErrors, readConfig, configType as Type } from "./config.ts";
import {
  errorTable,
  faultFromWire,
  faultToWire,
  isFault,
  isoMicros,
  isoSeconds,
  isUuid,
  jsonLog,
  metricsRegistry,
  periodic,
  processErrors,
  run,
  seededRandom,
  states,
  systemClock,
} from "./index.ts";
import { Life, testPlatform, virtualClock } from "./testing.ts";

const errors = errorTable("test", {
  busy: { status: 409, retriable: true, text: (id: string, task: string) => `Server ${id} is ${task}.` },
  gone: { status: 404, type: "ServerGone", text: () => "Gone." },
});

test("a fault carries its kind, status and sentence", () => {
  const fault = errors.busy("s1", "deleting");

  assert.equal(fault.message, "Server s1 is deleting.");
  assert.equal(fault.kind, "test.busy");
  assert.equal(fault.status, 409);
  assert.ok(isFault(fault, errors.busy));
  assert.ok(!isFault(fault, errors.gone));
  assert.ok(!isFault(new Error("Gone."), errors.gone));
});

test("a fault is the same after a trip over the bus", () => {
  const wire = JSON.parse(JSON.stringify(faultToWire(errors.busy("s1", "deleting"))));

  const back = faultFromWire(wire);

  assert.ok(isFault(back, errors.busy));
  assert.deepEqual(faultToWire(back), wire);
});

test("sleepers of a virtual clock wake in order and at their time", async () => {
  const clock = virtualClock(0);
  const woken: string[] = [];
  const sleeper = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name}@${clock.now()}`);
    if (name === "b") await sleeper("b2", 5);
  };

  const all = [sleeper("a", 30), sleeper("b", 10)];
  await clock.advance(20);
  assert.deepEqual(woken, ["b@10", "b2@15"]);
  await clock.advance(20);
  await Promise.all(all);

  assert.deepEqual(woken, ["b@10", "b2@15", "a@30"]);
  assert.equal(clock.now(), 40);
});

test("a sleep longer than a timer of Node's can count is not over at once", async () => {
  const controller = new AbortController();
  const sleep = systemClock.sleep(2 ** 31 + 10, controller.signal);

  // Asked for too much, a timer ends after a millisecond.
  await systemClock.sleep(5);
  controller.abort();

  await assert.rejects(sleep, { name: "AbortError" });
});

test("an aborted sleep rejects and does not wake later", async () => {
  const clock = virtualClock(0);
  const controller = new AbortController();
  const sleep = clock.sleep(10, controller.signal);

  controller.abort(new Error("stop"));

  await assert.rejects(sleep, /stop/);
  assert.equal(clock.nextWake(), null);
});

test("regular work goes on after a failure, until it is stopped", async () => {
  const platform = testPlatform();
  let times = 0;
  const service = periodic({
    platform,
    name: "counting",
    everyMs: 1_000,
    work: async () => {
      if (++times === 2) throw new Error("the store is away");
    },
  });
  await service.start();

  await platform.clock.advance(3_500);
  await service.stop();
  await platform.clock.advance(5_000);

  assert.equal(times, 4);
});

test("a life that is killed hears nothing more, and does nothing more", async () => {
  const { clock } = testPlatform();
  const done: string[] = [];
  const life = new Life("one", async (self, effect, perform) => {
    await perform();
    if (effect === "second") self.kill();
  });
  const heard: string[] = [];
  const run = async () => {
    for (const effect of ["first", "second", "third"]) {
      await life.effect(effect, async () => void done.push(effect));
      heard.push(effect);
    }
  };

  void run();
  void life
    .clock(clock)
    .sleep(10)
    .then(() => heard.push("slept"));
  await clock.advance(100);

  assert.deepEqual([done, heard], [["first", "second"], ["first"]]);
});

test("a life that is frozen goes on where it was, and its clock may be wrong", async () => {
  const { clock } = testPlatform();
  const life = new Life("one");
  const own = life.clock(clock);
  const told: string[] = [];
  void own.sleep(10).then(() => told.push(`slept at ${own.monotonic()}`));

  life.freeze();
  void life.effect("do", async () => void told.push("done"));
  await clock.advance(100);
  assert.deepEqual(told, []);
  life.thaw();
  life.skewMs = -5_000;
  await clock.advance(0);

  assert.deepEqual(told.toSorted(), ["done", "slept at 100"]);
  assert.equal(own.now(), clock.now() - 5_000);
});

test("the same seed gives the same draws, and uuids have their form", () => {
  const draw = () => {
    const random = seededRandom("server-1");
    return [random.uuid(), random.int(100), random.shuffle([1, 2, 3, 4]), random.chance(0.5)];
  };

  assert.deepEqual(draw(), draw());
  assert.ok(isUuid(seededRandom(7).uuid()));
  assert.notEqual(seededRandom(7).uuid(), seededRandom(8).uuid());
});

test("times are rendered as the APIs do", () => {
  const at = Date.UTC(2026, 10, 23, 5, 15, 0, 123);

  assert.equal(isoSeconds(at), "2026-11-23T05:15:00Z");
  assert.equal(isoMicros(at), "2026-11-23T05:15:00.123000");
});

test("a state table with a state that is not declared is refused", () => {
  const table = () =>
    states({
      initial: "new" as "new" | "done" | "odd",
      stable: ["done"],
      actions: { finish: { from: ["new"], task: null, to: "odd", fail: "same" } },
    });

  assert.throws(table, /State odd is used but not declared/);
});

test("a program's failure says what it said", async () => {
  const failing = run("sh", ["-c", "echo no space >&2; exit 3"]);

  await assert.rejects(
    failing,
    (error) => isFault(error, processErrors.failed) && /status 3: no space/.test(error.message),
  );
});

test("a program that is missing or too slow is a fault of its kind", async () => {
  await assert.rejects(run("no-such-program-here", []), (error) => isFault(error, processErrors.notFound));
  await assert.rejects(run("sleep", ["5"], { timeoutMs: 50 }), (error) =>
    isFault(error, processErrors.timedOut),
  );
});

test("a program gets its input and answers with its output", async () => {
  const { stdout } = await run("tr", ["a-z", "A-Z"], { input: "hello" });

  assert.equal(stdout, "HELLO");
});

const schema = Type.Object(
  {
    port: Type.Integer({ default: 1 }),
    log: Type.Object(
      { level: Type.String({ default: "info" }) },
      { default: {}, additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
const aFile = (text: string) => {
  const path = join(mkdtempSync(join(tmpdir(), "kit-")), "config.toml");
  writeFileSync(path, text);
  return path;
};

test("defaults lie under the file, and the file under the command line", () => {
  const path = aFile("port = 2\n[log]\nlevel = 'debug'\n");

  assert.deepEqual(readConfig(schema, {}), { port: 1, log: { level: "info" } });
  assert.deepEqual(readConfig(schema, { path, overrides: { port: 3, log: { level: undefined } } }), {
    port: 3,
    log: { level: "debug" },
  });
});

test("a wrong configuration is refused with the place and the reason", () => {
  assert.throws(
    () => readConfig(schema, { path: aFile("prot = 2\n") }),
    (error) => isFault(error, configErrors.invalid),
  );
  assert.throws(
    () => readConfig(schema, { overrides: { log: { level: 5 } } }),
    (error) => isFault(error, configErrors.invalid) && /log.level must be string/.test(error.message),
  );
  assert.throws(
    () => readConfig(schema, { path: aFile("port = \n") }),
    (error) => isFault(error, configErrors.unreadable),
  );
  assert.throws(
    () => readConfig(schema, { path: "/nowhere.toml" }),
    (error) => isFault(error, configErrors.unreadable),
  );
});

test("metrics are told in Prometheus' text format", async () => {
  const metrics = metricsRegistry();
  metrics.count("micronova_boots_total", { result: "ok" });
  metrics.count("micronova_boots_total", { result: "ok" });
  metrics.count("micronova_boots_total", { result: 'a "b"\\\n' });
  metrics.gauge("micronova_hosts_count", 3);
  metrics.seconds("micronova_boot_seconds", 0.01, { of: "x" });
  metrics.seconds("micronova_boot_seconds", 1000, { of: "x" });

  const text = await metrics.text();

  assert.match(text, /^# TYPE micronova_boots_total counter\nmicronova_boots_total\{result="ok"\} 2$/m);
  assert.ok(text.includes('micronova_boots_total{result="a \\"b\\"\\\\\\n"} 1\n'));
  assert.match(text, /^micronova_hosts_count 3$/m);
  assert.match(text, /^micronova_boot_seconds_bucket\{of="x",le="0.005"\} 0$/m);
  assert.match(text, /^micronova_boot_seconds_bucket\{of="x",le="0.02"\} 1$/m);
  assert.match(text, /^micronova_boot_seconds_bucket\{of="x",le="\+Inf"\} 2$/m);
  assert.match(
    text,
    /^micronova_boot_seconds_sum\{of="x"\} 1000.01\nmicronova_boot_seconds_count\{of="x"\} 2$/m,
  );
  assert.throws(() => metrics.gauge("micronova_boots_total", 1), /is a counter, not a gauge/);
});

test("a log on a full disk does without its lines", { skip: !existsSync("/dev/full") }, () => {
  const log = jsonLog({ level: "info", path: "/dev/full" });

  log.info({}, "no room for this");
  log.error({ error: new Error("nor this") }, "no room for that");
});
