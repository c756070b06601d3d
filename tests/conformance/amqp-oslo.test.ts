// OpenStack's own messaging library, as Debian has it, on one broker with us: its clients call our roles,
// ours call its servers, its listeners read our notifications. On our broker by a socket, and on RabbitMQ.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Bus, connectAmqp } from "@micronova/amqp";
import { errorTable, isFault, type RequestContext, systemContext } from "@micronova/kit";
import {
  busNotifier,
  busRpc,
  contract,
  type Handlers,
  method,
  osloEnvelope,
  type Rpc,
  rpcErrors,
} from "@micronova/rpc";
import { realPlatform, said, startBroker } from "../support/running-broker.ts";
import { rabbitMissing, startRabbit } from "../support/running-rabbit.ts";
import { eventually } from "../support/three-buses.ts";

const python = "/usr/bin/python3";
const script = fileURLToPath(new URL("amqp-oslo.py", import.meta.url));
const osloMissing = existsSync("/usr/lib/python3/dist-packages/oslo_messaging")
  ? false
  : "the package python3-oslo.messaging is not installed";

type None = Readonly<Record<string, never>>;
const role = contract(
  "conformance",
  {
    add: method<{ readonly a: number; readonly b: number }, number>({ timeoutMs: 20_000 }),
    nothing: method<None>({ timeoutMs: 20_000 }),
    who: method<None, RequestContext>({ timeoutMs: 20_000 }),
    echo: method<{ readonly x: unknown }, unknown>({ timeoutMs: 20_000 }),
    refuse: method<{ readonly host: string }>({ timeoutMs: 20_000 }),
    fail: method<None>({ timeoutMs: 20_000 }),
    late: method<None>({ timeoutMs: 20_000 }),
    slow: method<None, string>({ timeoutMs: 20_000 }),
    note: method<{ readonly text: string }>({ timeoutMs: 20_000 }),
  },
  { version: "1.2" },
);
const errors = errorTable("conformance", {
  full: { status: 409, text: (host: string) => `Host ${host} is full.` },
});

const slowMs = 3_000;

/** Handlers that note under a name what is noted. */
function handlersOf(name: string, noted: string[]): Handlers<typeof role> {
  return {
    add: async ({ a, b }) => a + b,
    nothing: async () => undefined,
    who: async (_, { context }) => context,
    echo: async ({ x }) => x,
    refuse: async ({ host }) => {
      throw errors.full(host);
    },
    fail: async () => {
      throw new TypeError("x is not a function");
    },
    late: () => realPlatform.clock.sleep(2_000),
    slow: async () => {
      await realPlatform.clock.sleep(slowMs);
      return "done";
    },
    note: async ({ text }) => {
      noted.push(`${name}: ${text}`);
    },
  };
}

interface Brokered {
  readonly url: string;
  stop(): Promise<void>;
}

const brokers: Readonly<Record<string, () => Promise<Brokered>>> = {
  "our broker by a socket": () => startBroker({ form: osloEnvelope }),
  RabbitMQ: () => startRabbit(),
};

for (const [name, start] of Object.entries(brokers)) {
  const skip = osloMissing || (name === "RabbitMQ" && rabbitMissing);
  describe(`oslo.messaging on ${name}`, { skip }, () => onBroker(start));
}

function onBroker(start: () => Promise<Brokered>): void {
  let broker: Brokered;
  const buses: Bus[] = [];
  const processes: Rpc[] = [];
  const children: ChildProcess[] = [];

  before(async () => {
    broker = await start();
  });
  after(async () => {
    for (const child of children) await ended(child);
    for (const rpc of processes) await rpc.close();
    for (const bus of buses) await bus.close();
    await broker.stop();
  });

  const connect = (): Bus => {
    const bus = connectAmqp(realPlatform, [broker.url], { form: osloEnvelope });
    buses.push(bus);
    return bus;
  };
  const process = (): Rpc => {
    const rpc = busRpc({ platform: realPlatform, bus: connect() });
    processes.push(rpc);
    return rpc;
  };
  const oslo = async (scenario: string) => {
    const { status, stdout, stderr } = await said(python, [script, rabbitUrl(broker), scenario, role.topic]);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  };
  /** Starts a server of Python's and waits until it is ready; its further lines are what it says. */
  const serving = async (scenario: string, topic: string): Promise<AsyncIterator<string>> => {
    const child = spawn(python, [script, rabbitUrl(broker), scenario, topic], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.push(child);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "READY");
    return lines;
  };

  test("a Python client calls a role of ours", async () => {
    const server = process().serve(role, "h1", handlersOf("h1", []));
    await server.start();

    const seen = await oslo("calls");

    assert.deepEqual(seen, {
      sum: 5,
      nothing: null,
      context: {
        requestId: "req-1",
        userId: "u1",
        projectId: "p1",
        roles: ["member"],
        isAdmin: false,
      },
      "no context": {
        ...seen["no context"],
        userId: null,
        projectId: null,
        roles: [],
        isAdmin: false,
      },
      deep: { a: [1, null, { ä: "€" }] },
      fault: ["RemoteError", errors.full.kind, "Host h1 is full."],
      bug: ["RemoteError", rpcErrors.internal.kind, "x is not a function"],
      "no method": [
        "RemoteError",
        "NoSuchMethod",
        "'conformance.h1' has no method fly; is it of another version?",
      ],
      version: [
        "RemoteError",
        "UnsupportedVersion",
        "'conformance.h1' was asked in version 2.0 of its contract and speaks 1.2.",
      ],
      "later minor version": [
        "RemoteError",
        "UnsupportedVersion",
        "'conformance.h1' was asked in version 1.9 of its contract and speaks 1.2.",
      ],
      namespace: [
        "RemoteError",
        "UnsupportedVersion",
        "'conformance.h1' was asked in version 1.0 of namespace other of its contract and speaks 1.2.",
      ],
      "no role": ["MessagingTimeout"],
      timeout: ["MessagingTimeout"],
      monitored: "done",
      unmonitored: "done",
    });
    await server.stop();
  });

  test("a Python client casts to one process of a role, and to all", async () => {
    const noted: string[] = [];
    const servers = ["h1", "h2"].map((host) => process().serve(role, host, handlersOf(host, noted)));
    for (const server of servers) await server.start();

    assert.equal(await oslo("casts"), 2);

    await eventually(() => noted.length === 3);
    assert.deepEqual(noted.sort(), ["h1: to all", "h1: to one", "h2: to all"]);
    for (const server of servers) await server.stop();
  });

  test("a Python listener reads our notifications, also those sent before it came", async () => {
    const bus = connect();
    const notifier = busNotifier({ platform: realPlatform, bus });
    const context: RequestContext = { ...systemContext("1"), userId: "u1", projectId: "p1" };
    const tell = (priority: "info" | "error", eventType: string) =>
      notifier.notify({ priority, eventType, publisherId: "compute.h1", payload: { id: "s1" }, context });
    tell("info", "compute.instance.create.start");
    const lines = await serving("listener", "notifications");
    tell("error", "compute.instance.create.error");

    const told = [(await lines.next()).value, (await lines.next()).value].map((line) => JSON.parse(line));

    const request = { request_id: "req-1", user_id: "u1", project_id: "p1" };
    assert.deepEqual(told, [
      [
        "info",
        request,
        "compute.h1",
        "compute.instance.create.start",
        { id: "s1" },
        ["message_id", "timestamp"],
      ],
      [
        "error",
        request,
        "compute.h1",
        "compute.instance.create.error",
        { id: "s1" },
        ["message_id", "timestamp"],
      ],
    ]);
  });

  test("our client calls and casts to a Python server, any one or a named one", async () => {
    const python = contract("python", {
      add: method<{ readonly a: number; readonly b: number }, number>({ timeoutMs: 20_000 }),
      who: method<None, Readonly<Record<string, unknown>>>({ timeoutMs: 20_000 }),
      fail: method<{ readonly why: string }>({ timeoutMs: 20_000 }),
      note: method<{ readonly text: string }>({ timeoutMs: 20_000 }),
      noted_so_far: method<{ readonly count: number }, string[]>({ timeoutMs: 20_000 }),
      nothing: method<None>({ timeoutMs: 20_000 }),
      fly: method<None>({ timeoutMs: 20_000 }),
    });
    const named = contract(
      "python",
      { hello: method<{ readonly name: string }, string>({ timeoutMs: 20_000 }) },
      { version: "2.0", namespace: "named" },
    );
    await serving("server", python.topic);
    const rpc = process();
    const context: RequestContext = { ...systemContext("1"), userId: "u1", projectId: "p1" };
    const [any, one] = [rpc.any(python, { context }), rpc.on(python, "py1", { context })];

    assert.equal(await any.add({ a: 1, b: 2 }), 3);
    assert.equal(await one.add({ a: 3, b: 4 }), 7);
    assert.equal(await one.nothing({}), null);
    assert.deepEqual(await one.who({}), {
      request_id: context.requestId,
      user_id: "u1",
      project_id: "p1",
      roles: ["admin"],
      is_admin: true,
    });
    assert.equal(await rpc.on(named, "py1", { context }).hello({ name: "you" }), "hello you");
    await assert.rejects(one.fail({ why: "it is taken" }), (error) => {
      assert(isFault(error, rpcErrors.remote));
      assert.deepEqual(error.params, ["Conflict", "it is taken"]);
      return true;
    });
    await assert.rejects(one.fly({}), (error) => isFault(error, rpcErrors.noSuchMethod));
    await rpc.cast(python, { context }).note({ text: "to any" });
    await rpc.fanout(python, { context }).note({ text: "to all" });
    assert.deepEqual((await one.noted_so_far({ count: 2 })).sort(), ["to all", "to any"]);
  });
}

function rabbitUrl({ url }: Brokered): string {
  return `${url.replace(/^amqp:/, "rabbit:")}/`;
}

/** Ends a server of Python's by the end of its input. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.stdin?.end();
  });
}
