// Calls over the in-process broker: answers, faults, silence, fences, lanes, stopping.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Broker, type Bus, type Json } from "@micronova/amqp";
import { errorTable, isFault, systemContext } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { busRpc, contract, type Handlers, memoryFences, method, rpcErrors, topic } from "./index.ts";

const worker = contract("compute", {
  add: method<{ readonly a: number; readonly b: number }, number>({ timeoutMs: 5_000 }),
  slow: method<{ readonly ms: number }, string>({ timeoutMs: 5_000 }),
  note: method<{ readonly text: string }>({ timeoutMs: 5_000 }),
});
const errors = errorTable("test", {
  full: { status: 409, retriable: true, text: (host: string, freeMb: number) => `${host} has ${freeMb} MB.` },
});
const context = systemContext("11111111-1111-4111-8111-111111111111");
const options = { context };

type Overrides = Partial<Handlers<typeof worker>>;

function aCloud() {
  const platform = testPlatform();
  const broker = new Broker(platform, { freeze: true });
  const bus = broker.bus();
  const rpc = busRpc({ platform, bus });
  const handlers = (overrides: Overrides = {}): Handlers<typeof worker> => ({
    add: async ({ a, b }) => a + b,
    slow: async ({ ms }) => {
      await platform.clock.sleep(ms);
      return "done";
    },
    note: async () => undefined,
    ...overrides,
  });
  return { platform, broker, bus, rpc, handlers };
}

/** Sends a call message again as a bus that repeats would, by listening in on the publisher. */
function recording(bus: Bus) {
  const sent: Parameters<Bus["publish"]>[] = [];
  const recorded: Bus = {
    declare: (exchange) => bus.declare(exchange),
    declareQueue: (queue) => bus.declareQueue(queue),
    publish: (...message) => {
      sent.push(message);
      return bus.publish(...message);
    },
    consume: (...args) => bus.consume(...args),
    close: () => bus.close(),
  };
  return { bus: recorded, repeat: async (at: number) => bus.publish(...sent[at]!) };
}

test("a call is answered by its host, with the caller's context and operation", async () => {
  const { rpc, handlers } = aCloud();
  const seen: unknown[] = [];
  const service = rpc.serve(
    worker,
    "h1",
    handlers({
      add: async ({ a, b }, info) => {
        seen.push(info);
        return a + b;
      },
    }),
  );
  await service.start();

  const sum: number = await rpc.on(worker, "h1", { context, operation: "op-1" }).add({ a: 2, b: 3 });

  assert.equal(sum, 5);
  assert.deepEqual(seen, [{ context, operation: "op-1" }]);
});

test("a method without an answer resolves", async () => {
  const { rpc, handlers } = aCloud();
  await rpc.serve(worker, null, handlers()).start();

  const nothing = await rpc.any(worker, options).note({ text: "hello" });

  assert.equal(nothing ?? null, null);
});

test("calls to a role are shared by its processes", async () => {
  const { platform, broker, rpc, handlers } = aCloud();
  const counts = [0, 0];
  for (const at of [0, 1]) {
    const process = busRpc({ platform, bus: broker.bus() });
    const add = async () => {
      counts[at]!++;
      return 0;
    };
    await process.serve(worker, null, handlers({ add })).start();
  }

  await Promise.all(Array.from({ length: 10 }, () => rpc.any(worker, options).add({ a: 1, b: 1 })));

  assert.deepEqual(counts, [5, 5]);
});

test("a fault crosses as itself, another error as internal with its message", async () => {
  const { rpc, handlers } = aCloud();
  const add = async () => {
    throw errors.full("h1", 12);
  };
  const note = async () => {
    throw new TypeError("x is not a function");
  };
  await rpc.serve(worker, "h1", handlers({ add, note })).start();
  const calls = rpc.on(worker, "h1", options);

  await assert.rejects(calls.add({ a: 1, b: 1 }), (error) => {
    assert(isFault(error, errors.full));
    assert.deepEqual(
      [error.message, error.status, error.retriable, error.params],
      ["h1 has 12 MB.", 409, true, ["h1", 12]],
    );
    return true;
  });
  await assert.rejects(calls.note({ text: "" }), (error) => {
    assert(isFault(error, rpcErrors.internal));
    assert.equal(error.message, "x is not a function");
    return true;
  });
});

test("a call to a queue that does not exist fails at once and may be tried again", async () => {
  const { rpc } = aCloud();

  await assert.rejects(rpc.on(worker, "nobody", options).add({ a: 1, b: 1 }), (error) => {
    assert(isFault(error, rpcErrors.unreachable));
    return error.retriable;
  });
});

test("a call to a worker that is silent times out, and its message leaves the queue", async () => {
  const { platform, broker, rpc, handlers } = aCloud();
  const service = rpc.serve(worker, "h1", handlers());
  await service.start();
  await service.stop();

  const failed = assert.rejects(rpc.on(worker, "h1", options).add({ a: 1, b: 1 }), (error) => {
    assert(isFault(error, rpcErrors.timeout));
    return error.retriable;
  });
  await platform.clock.advance(5_001);

  await failed;
  const queue = broker.queues().find(({ name }) => name === "compute.h1");
  assert.deepEqual([queue?.messages_ready, queue?.consumers], [0, 0]);
});

test("beats let a call last longer than its timeout", async () => {
  const { platform, rpc, handlers } = aCloud();
  await rpc.serve(worker, "h1", handlers()).start();

  const answer = rpc.on(worker, "h1", options).slow({ ms: 60_000 });
  await platform.clock.advance(60_000);

  assert.equal(await answer, "done");
});

test("a worker that dies with a call in hand falls silent", async () => {
  const { platform, broker, rpc, handlers } = aCloud();
  const dying = broker.bus();
  await busRpc({ platform, bus: dying }).serve(worker, "h1", handlers()).start();
  const failed = assert.rejects(rpc.on(worker, "h1", options).slow({ ms: 60_000 }), (error) =>
    isFault(error, rpcErrors.timeout),
  );
  await platform.clock.advance(10_000);

  await dying.close();
  await platform.clock.advance(6_000);

  await failed;
});

test("a repeated message is ignored", async () => {
  const { platform, broker, handlers } = aCloud();
  const { bus, repeat } = recording(broker.bus());
  const rpc = busRpc({ platform, bus });
  let added = 0;
  const add = async () => ++added;
  await rpc.serve(worker, "h1", handlers({ add })).start();
  await rpc.on(worker, "h1", options).add({ a: 1, b: 1 });

  await repeat(0);
  await platform.clock.advance(1);

  assert.equal(added, 1);
});

test("a server takes more calls than it works on, and those that wait are known to", async () => {
  const { platform, rpc, handlers } = aCloud();
  let [running, most] = [0, 0];
  const slow = async () => {
    most = Math.max(most, ++running);
    // Several of them outlast the silence that a caller bears.
    await platform.clock.sleep(4_000);
    running--;
    return "done";
  };
  await rpc.serve(worker, "h1", handlers({ slow }), { atOnce: 2, prefetch: 100 }).start();

  const calls = Array.from({ length: 8 }, () => rpc.on(worker, "h1", options).slow({ ms: 0 }));
  await platform.clock.advance(20_000);

  assert.deepEqual(new Set(await Promise.all(calls)), new Set(["done"]));
  assert.equal(most, 2);
});

test("a call behind its deadline is not heard", async () => {
  const { platform, rpc, handlers } = aCloud();
  let heard = 0;
  const note = async () => {
    heard++;
  };
  await rpc.serve(worker, "h1", handlers({ note })).start();
  const deadline = platform.clock.monotonic() + 1_000;
  const fence = { subject: "server:1", counter: 1 };
  const calls = rpc.on(worker, "h1", { context, deadline, fence });

  const first = calls.slow({ ms: 2_000 });
  const second = assert.rejects(calls.note({ text: "" }), (error) => isFault(error, rpcErrors.late));
  await platform.clock.advance(2_000);

  assert.equal(await first, "done");
  await second;
  await assert.rejects(calls.note({ text: "" }), (error) => isFault(error, rpcErrors.late));
  assert.equal(heard, 0);
});

for (const skewMs of [-300_000, 300_000])
  test(`a deadline holds at a host whose clock is ${skewMs / 60_000} minutes off`, async () => {
    const { platform, broker, rpc, handlers } = aCloud();
    const { clock } = platform;
    // Another wall clock, and another beginning of what is only for measuring.
    const wrong = {
      ...platform,
      clock: {
        now: () => clock.now() + skewMs,
        monotonic: () => clock.monotonic() + 7_000_000,
        sleep: clock.sleep.bind(clock),
      },
    };
    const host = busRpc({ platform: wrong, bus: broker.bus() });
    await host.serve(worker, "h1", handlers()).start();
    const deadline = clock.monotonic() + 1_000;
    const fence = { subject: "server:1", counter: 1 };
    const calls = rpc.on(worker, "h1", { context, deadline, fence });

    const first = calls.slow({ ms: 2_000 });
    const second = assert.rejects(calls.note({ text: "" }), (error) => isFault(error, rpcErrors.late));
    await clock.advance(2_000);

    assert.equal(await first, "done");
    await second;
  });

test("a call with a lower fence than one before it is refused, also by the next process", async () => {
  const { platform, broker, rpc, handlers } = aCloud();
  const fences = memoryFences();
  const call = (counter: number, subject = "server:1") =>
    rpc.on(worker, "h1", { context, fence: { subject, counter } }).add({ a: 1, b: 1 });
  const isFenced = (error: unknown) => isFault(error, rpcErrors.fenced);
  const service = rpc.serve(worker, "h1", handlers(), { fences });
  await service.start();

  assert.equal(await call(2), 2);
  assert.equal(await call(2), 2);
  await assert.rejects(call(1), isFenced);
  assert.equal(await call(1, "server:2"), 2);

  await service.stop();
  const next = busRpc({ platform, bus: broker.bus() });
  await next.serve(worker, "h1", handlers(), { fences }).start();
  await assert.rejects(call(1), isFenced);
});

test("a late spawn does not come after the destroy that undid it", async () => {
  const { platform, rpc, handlers } = aCloud();
  const running = new Set<string>();
  const add = async () => running.add("server") && 1;
  const note = async () => {
    running.delete("server");
  };
  await rpc.serve(worker, "h1", handlers({ add, note })).start();
  const on = (counter: number) => rpc.on(worker, "h1", { context, fence: { subject: "server:1", counter } });

  await on(2).note({ text: "destroy" });
  await assert.rejects(on(1).add({ a: 1, b: 1 }), (error) => isFault(error, rpcErrors.fenced));

  await platform.clock.advance(1);
  assert.equal(running.size, 0);
});

test("calls on one subject run one after another, others beside them", async () => {
  const { platform, rpc, handlers } = aCloud();
  const story: string[] = [];
  const slow = async ({ ms }: { readonly ms: number }) => {
    story.push(`begin ${ms}`);
    await platform.clock.sleep(ms);
    story.push(`end ${ms}`);
    return "done";
  };
  await rpc.serve(worker, "h1", handlers({ slow })).start();
  const on = (subject: string, counter: number) =>
    rpc.on(worker, "h1", { context, fence: { subject, counter } });

  const all = Promise.all([
    on("server:1", 1).slow({ ms: 300 }),
    on("server:1", 2).slow({ ms: 100 }),
    on("server:2", 1).slow({ ms: 200 }),
  ]);
  await platform.clock.advance(1_000);

  await all;
  assert.deepEqual(story, ["begin 300", "begin 200", "end 200", "end 300", "begin 100", "end 100"]);
});

test("at most `prefetch` calls are in hand", async () => {
  const { platform, broker, rpc, handlers } = aCloud();
  await rpc.serve(worker, "h1", handlers(), { prefetch: 2 }).start();

  const all = Promise.all([1, 2, 3, 4, 5].map(() => rpc.on(worker, "h1", options).slow({ ms: 100 })));
  await platform.clock.advance(1);

  const queue = broker.queues().find(({ name }) => name === "compute.h1");
  assert.deepEqual([queue?.messages_ready, queue?.messages_unacknowledged], [3, 2]);
  await platform.clock.advance(300);
  assert.equal((await all).length, 5);
});

test("stopping takes nothing new and waits for what is in hand, within bounds", async () => {
  const { platform, rpc, handlers } = aCloud();
  const service = rpc.serve(worker, "h1", handlers());
  await service.start();
  const answer = rpc.on(worker, "h1", options).slow({ ms: 1_000 });
  await platform.clock.advance(1);

  let stopped = false;
  const stopping = service.stop().then(() => {
    stopped = true;
  });
  await platform.clock.advance(500);
  assert.equal(stopped, false);
  await platform.clock.advance(500);

  await stopping;
  assert.equal(await answer, "done");

  const stuck = rpc.serve(worker, "h2", handlers());
  await stuck.start();
  const forever = rpc.on(worker, "h2", options).slow({ ms: 10_000_000 });
  await platform.clock.advance(1);
  const given = stuck.stop();
  await platform.clock.advance(30_000);
  await given;
  const closed = assert.rejects(forever, (error) => isFault(error, rpcErrors.closed));
  await rpc.close();
  await closed;
});

test("stopping does not wait for a broker that takes no answers", async () => {
  const { platform, bus, rpc, handlers } = aCloud();
  const { bus: deaf } = recording(bus);
  const publish: Bus["publish"] = (to, ...message) =>
    to.key.startsWith("reply_") ? new Promise(() => undefined) : bus.publish(to, ...message);
  const service = busRpc({ platform, bus: { ...deaf, publish } }).serve(worker, "h1", handlers());
  await service.start();
  void rpc.on(worker, "h1", options).add({ a: 1, b: 1 });
  await platform.clock.advance(1);

  const stopping = service.stop();
  await platform.clock.advance(2_000);

  await stopping;
});

test("malformed messages are parked and unknown methods answered, not repeated", async () => {
  const { platform, broker, bus, rpc, handlers } = aCloud();
  await rpc.serve(worker, "h1", handlers()).start();
  const bodies: Json[] = [
    null,
    "text",
    [],
    {},
    { method: 1 },
    { method: "add", _unique_id: "x", _fence: { subject: 1 } },
  ];

  for (const body of bodies) await bus.publish({ exchange: "micronova", key: "compute.h1" }, { body });
  await platform.clock.advance(1);

  const waiting = (name: string) => broker.queues().find((queue) => queue.name === name);
  const queue = waiting("compute.h1");
  assert.deepEqual([queue?.messages_ready, queue?.messages_unacknowledged], [0, 0]);
  assert.equal(waiting("micronova.dead")?.messages_ready, bodies.length);
  assert.match(await platform.metrics.text(), /micronova_rpc_parked_messages_total\{reason="malformed"\} 6/);
  const other = contract("compute", { fly: method<object>({ timeoutMs: 1_000 }) });
  await assert.rejects(rpc.on(other, "h1", options).fly({}), (error) =>
    isFault(error, rpcErrors.noSuchMethod),
  );
});

test("a cast resolves before the work is done", async () => {
  const { platform, rpc, handlers } = aCloud();
  const noted: string[] = [];
  const note = async ({ text }: { readonly text: string }) => {
    await platform.clock.sleep(10);
    noted.push(text);
  };
  await rpc.serve(worker, null, handlers({ note })).start();

  await rpc.cast(worker, options).note({ text: "hello" });

  assert.deepEqual(noted, []);
  await platform.clock.advance(10);
  assert.deepEqual(noted, ["hello"]);
});

test("an announcement reaches every listener, and nobody when there is none", async () => {
  const { platform, broker, rpc } = aCloud();
  const news = topic<{ readonly load: number }>("news");
  const heard: number[] = [];
  await rpc.announce(news, { load: 0 });
  const first = rpc.listen(news, ({ load }) => heard.push(load));
  const second = busRpc({ platform, bus: broker.bus() }).listen(news, ({ load }) => heard.push(load * 10));
  await first.start();
  await second.start();

  await rpc.announce(news, { load: 1 });
  await platform.clock.advance(1);
  await first.stop();
  await rpc.announce(news, { load: 2 });
  await platform.clock.advance(1);

  assert.deepEqual(heard, [1, 10, 20]);
});

test("wrong arguments and missing handlers are type errors", () => {
  const { rpc, handlers } = aCloud();
  const calls = rpc.on(worker, "h1", options);
  const never = () => {
    // @ts-expect-error an argument is missing
    void calls.add({ a: 1 });
    // @ts-expect-error the answer is a number
    const text: Promise<string> = calls.add({ a: 1, b: 2 });
    // @ts-expect-error handlers are missing
    rpc.serve(worker, "h1", { add: handlers().add });
    return text;
  };
  assert.equal(typeof never, "function");
});
