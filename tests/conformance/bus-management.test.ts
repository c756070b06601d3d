// RabbitMQ's management API, by Debian's rabbitmqadmin and by requests: the same against this broker and,
// where it is installed, against RabbitMQ, so that the expectations are true.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Bus } from "@micronova/amqp";
import { policyCases } from "../../packages/management/policy-cases.ts";
import { requestCases } from "../../packages/management/request-cases.ts";
import { said } from "../support/running-broker.ts";
import { eventually } from "../support/running-cloud.ts";
import {
  type RunningManagement,
  startManagement,
  startRabbitManagement,
} from "../support/running-management.ts";
import { rabbitMissing } from "../support/running-rabbit.ts";

const python = "/usr/bin/python3";
const admin = "/usr/bin/rabbitmqadmin";
const adminMissing = existsSync(admin) ? false : "rabbitmqadmin is not installed";
const dir = mkdtempSync(join(tmpdir(), "bus-management-"));
const running = new Map<string, RunningManagement>();

before(async () => {
  running.set("this broker", await startManagement());
  if (rabbitMissing === false) running.set("RabbitMQ", await startRabbitManagement());
});
after(async () => {
  for (const one of running.values()) await one.stop();
  rmSync(dir, { recursive: true, force: true });
});

const definitionsFile = join(dir, "definitions.json");
const payloadFile = join(dir, "payload");

interface Step {
  readonly args: readonly string[];
  readonly input?: string;
  readonly status?: number;
  /** All that it prints, but for white space at the ends of lines; or what that matches. */
  readonly says: string | RegExp;
}

const inHost = (...args: string[]) => ["-V", "av", ...args];

/** Every subcommand, in an order in which each has something to do. */
const steps: readonly Step[] = [
  { args: ["declare", "vhost", "name=av"], says: "vhost declared" },
  { args: ["declare", "user", "name=au", "password=ap", "tags=management"], says: "user declared" },
  {
    args: ["declare", "permission", "vhost=av", "user=au", "configure=.*", "write=.*", "read=.*"],
    says: "permission declared",
  },
  { args: inHost("declare", "exchange", "name=ax", "type=topic"), says: "exchange declared" },
  {
    args: inHost("declare", "queue", "name=aq", "durable=true", 'arguments={"x-max-length":10}'),
    says: "queue declared",
  },
  {
    args: inHost("declare", "binding", "source=ax", "destination=aq", "routing_key=a.*"),
    says: "binding declared",
  },
  {
    args: inHost("declare", "binding", "source=ax", "destination=aq", "routing_key=b", 'arguments={"x":1}'),
    says: "binding declared",
  },
  {
    args: inHost(
      ...["publish", "exchange=ax", "routing_key=a.b", "payload=hello"],
      'properties={"delivery_mode":2,"headers":{"h":1}}',
    ),
    says: "Message published",
  },
  {
    args: inHost("publish", "exchange=ax", "routing_key=a.c"),
    input: "from stdin",
    says: "Message published",
  },
  { args: ["publish", "routing_key=nowhere", "payload=x"], says: "Message published but NOT routed" },
  {
    args: inHost("-f", "tsv", "get", "queue=aq"),
    says:
      "routing_key\texchange\tmessage_count\tpayload\tpayload_bytes\tpayload_encoding\tredelivered\n" +
      "a.b\tax\t1\thello\t5\tstring\tFalse",
  },
  {
    args: inHost("-f", "tsv", "get", "queue=aq", "count=2", "ackmode=reject_requeue_true", "encoding=base64"),
    says:
      "routing_key\texchange\tmessage_count\tpayload\tpayload_bytes\tpayload_encoding\tproperties\tredelivered\n" +
      "a.b\tax\t1\taGVsbG8=\t5\tbase64\t\tTrue\na.c\tax\t0\tZnJvbSBzdGRpbg==\t10\tbase64\t\tFalse",
  },
  {
    args: inHost("-f", "raw_json", "get", "queue=aq", "ackmode=ack_requeue_false"),
    says: /"headers":\{"h":1\}.*"payload":"hello"/,
  },
  { args: inHost("get", "queue=aq", `payload_file=${payloadFile}`), says: /\| a\.c {9}\| ax/ },
  { args: inHost("get", "queue=aq", "ackmode=reject_requeue_false"), says: /from stdin/ },
  { args: inHost("get", "queue=aq"), says: "No items" },
  { args: ["-f", "bash", "list", "vhosts"], says: "/ av" },
  {
    args: ["-f", "tsv", "list", "users", "name", "tags"],
    says: "name\ttags\nau\tmanagement\nguest\tadministrator",
  },
  {
    args: ["-f", "kvp", "list", "permissions", "vhost", "user", "write"],
    says: /vhost="av" user="au" write="\.\*"/,
  },
  { args: inHost("-f", "tsv", "list", "queues", "name", "durable"), says: "name\tdurable\naq\tTrue" },
  {
    args: inHost("list", "exchanges", "name", "type"),
    says: `\
+--------------------+---------+
|        name        |  type   |
+--------------------+---------+
|                    | direct  |
| amq.direct         | direct  |
| amq.fanout         | fanout  |
| amq.headers        | headers |
| amq.match          | headers |
| amq.rabbitmq.trace | topic   |
| amq.topic          | topic   |
| ax                 | topic   |
+--------------------+---------+`,
  },
  {
    args: inHost("list", "bindings"),
    says: `\
+--------+-------------+-------------+
| source | destination | routing_key |
+--------+-------------+-------------+
|        | aq          | aq          |
| ax     | aq          | a.*         |
| ax     | aq          | b           |
+--------+-------------+-------------+`,
  },
  { args: ["list", "connections"], says: "No items" },
  { args: ["list", "channels"], says: "No items" },
  { args: ["list", "consumers"], says: "No items" },
  {
    args: inHost(
      ...["declare", "policy", "name=ap", "pattern=^a", 'definition={"max-length":5}'],
      ...["apply-to=queues", "priority=3"],
    ),
    says: "policy declared",
  },
  {
    args: inHost("-f", "tsv", "list", "policies"),
    says: 'vhost\tname\tapply-to\tdefinition\tpattern\tpriority\nav\tap\tqueues\t{"max-length": 5}\t^a\t3',
  },
  { args: inHost("delete", "policy", "name=ap"), says: "policy deleted" },
  { args: ["list", "policies"], says: "No items" },
  { args: ["list", "operator_policies"], says: "No items" },
  { args: ["list", "parameters"], says: "No items" },
  { args: ["list", "vhost_limits"], says: "No items" },
  { args: ["-f", "kvp", "list", "nodes", "type", "running"], says: 'type="disc" running="True"' },
  { args: ["-f", "tsv", "show", "overview"], says: /^rabbitmq_version\tcluster_name\t/ },
  { args: inHost("-f", "pretty_json", "list", "queues", "name"), says: '[\n  {\n    "name": "aq"\n  }\n]' },
  {
    args: inHost("-f", "long", "list", "queues", "name", "durable"),
    says: /\n {3}name: aq\ndurable: True\n/,
  },
  { args: inHost("-S", "name", "-R", "-f", "bash", "list", "exchanges"), says: /^ax amq\.topic / },
  { args: inHost("purge", "queue", "name=aq"), says: "queue purged" },
  { args: ["export", definitionsFile], says: `Exported definitions for localhost to "${definitionsFile}"` },
  { args: ["import", definitionsFile], says: /^Uploaded definitions from "localhost"/ },
  {
    args: inHost(
      ...["delete", "binding", "source=ax", "destination_type=queue", "destination=aq"],
      "properties_key=a.%2A",
    ),
    says: "binding deleted",
  },
  { args: inHost("delete", "queue", "name=aq"), says: "queue deleted" },
  { args: inHost("delete", "queue", "name=aq"), status: 1, says: "*** Not found: /api/queues/av/aq" },
  { args: inHost("delete", "exchange", "name=ax"), says: "exchange deleted" },
  {
    args: inHost("declare", "exchange", "name=amq.x", "type=direct"),
    status: 1,
    says: /^\*\*\* Access refused/,
  },
  { args: ["delete", "permission", "vhost=av", "user=au"], says: "permission deleted" },
  { args: ["delete", "user", "name=au"], says: "user deleted" },
  { args: ["delete", "vhost", "name=av"], says: "vhost deleted" },
  { args: inHost("list", "queues"), status: 1, says: "*** Not found: /api/queues/av?columns=name,messages" },
  { args: ["close", "connection", "name=nope"], status: 1, says: "*** Not found: /api/connections/nope" },
  { args: ["-u", "guest", "-p", "wrong", "list", "queues"], status: 1, says: /^\*\*\* Access refused/ },
];

for (const name of ["this broker", "RabbitMQ"]) {
  const skip = name === "RabbitMQ" ? rabbitMissing : false;
  const target = () => {
    const found = running.get(name);
    assert(found !== undefined);
    return found;
  };

  const rabbitmqadmin = (args: readonly string[], input = "") =>
    said(python, [admin, "-P", String(target().port), ...args], input);

  test(`rabbitmqadmin's every subcommand: ${name}`, { skip: skip || adminMissing }, async () => {
    for (const { args, input, status = 0, says } of steps) {
      const { stdout, stderr, ...got } = await rabbitmqadmin(args, input);
      const text = `${stdout}${stderr}`.replace(/[ \r]+$/gm, "").trim();
      const about = `${args.join(" ")}: ${text}`;
      if (typeof says === "string") assert.equal(text, says, about);
      else assert.match(text, says, about);
      assert.equal(got.status, status, about);
    }
    assert.equal(readFileSync(payloadFile, "utf8"), "from stdin");
  });

  test(`requests that change things: ${name}`, { skip }, async () => {
    for (const { method, path, body, ...expected } of [...requestCases, ...policyCases]) {
      const got = await target().ask(method, path, body);
      const about = `${method} ${path}: ${JSON.stringify(got.body)}`;
      assert.equal(got.status, expected.status, about);
      if (expected.location !== undefined) assert.equal(got.location, expected.location, about);
      if (expected.answer !== undefined) assert.partialDeepStrictEqual(got.body, expected.answer, about);
    }
  });

  test(`connections, channels and consumers, until one is closed: ${name}`, { skip }, async () => {
    const bus = target().connect();
    try {
      await showAndClose(target(), bus);
    } finally {
      await bus.close();
    }
  });
}

type Item = Readonly<Record<string, unknown>>;

async function showAndClose({ ask }: RunningManagement, bus: Bus): Promise<void> {
  // Statistics are gathered every five seconds.
  const list = (path: string, isDone: (items: readonly Item[]) => boolean) =>
    eventually(async () => (await ask("GET", path)).body as readonly Item[], isDone);
  await bus.consume({ name: "shown", bindings: [] }, { prefetch: 7 }, (delivery) => delivery.ack());
  for (const body of [1, 2, 3]) await bus.publish({ exchange: "", key: "shown" }, { body });

  const [consumer] = await list("/consumers", (items) => items.length === 1);
  const counted = await list("/queues?columns=name,message_stats", (items) =>
    items.some((item) => (item["message_stats"] as Item | undefined)?.["ack"] === 3),
  );
  const [connection] = await list("/connections", (items) => items[0]?.["recv_oct"] !== undefined);
  const channels = await list("/channels", (items) => items.some((one) => one["consumer_count"] === 1));

  assert.partialDeepStrictEqual(consumer, {
    queue: { name: "shown", vhost: "/" },
    ack_required: true,
    active: true,
    prefetch_count: 7,
    channel_details: { connection_name: connection?.["name"], user: "guest" },
  });
  assert.partialDeepStrictEqual(counted.find((item) => item["name"] === "shown")?.["message_stats"], {
    publish: 3,
    deliver: 3,
    deliver_get: 3,
    ack: 3,
    redeliver: 0,
  });
  assert.partialDeepStrictEqual(connection, {
    user: "guest",
    vhost: "/",
    state: "running",
    type: "network",
    protocol: "AMQP 0-9-1",
    auth_mechanism: "PLAIN",
    peer_host: "127.0.0.1",
  });
  const confirming = channels.find((channel) => channel["confirm"] === true);
  assert.partialDeepStrictEqual(confirming?.["message_stats"], { publish: 3, confirm: 3 });
  const name = encodeURIComponent(String(connection?.["name"]));
  assert.equal((await ask("GET", `/connections/${name}`)).status, 200);
  assert.equal(
    ((await ask("GET", `/connections/${name}/channels`)).body as unknown[]).length,
    channels.length,
  );
  assert.equal((await ask("DELETE", `/connections/${name}`)).status, 204);
  // Its client comes back on another one.
  await list("/connections", (items) => items.length === 1 && items[0]?.["name"] !== connection?.["name"]);
  await ask("DELETE", "/queues/%2F/shown");
}

test("definitions of RabbitMQ come in here, and ours there, with the same users", {
  skip: rabbitMissing,
}, async () => {
  const [here, there] = [running.get("this broker"), running.get("RabbitMQ")];
  assert(here !== undefined && there !== undefined);
  for (const [from, to, user] of [
    [there, here, "mover"],
    [here, there, "returner"],
  ] as const) {
    await from.ask("PUT", `/users/${user}`, { password: user, tags: "administrator" });
    await from.ask("PUT", `/queues/%2F/of-${user}`, { durable: true, arguments: { "x-max-length": 3 } });
    const { body } = await from.ask("GET", "/definitions");

    const { status, body: why } = await to.ask("POST", "/definitions", body);

    assert.equal(status, 204, JSON.stringify(why));
    assert.deepEqual((await to.ask("GET", "/whoami", undefined, user)).body, {
      name: user,
      tags: ["administrator"],
    });
    const { body: queue } = await to.ask("GET", `/queues/%2F/of-${user}`);
    assert.partialDeepStrictEqual(queue, { durable: true, arguments: { "x-max-length": 3 } });
  }
});

test("every metric has a name that RabbitMQ's have, and its kind", { skip: rabbitMissing }, async () => {
  const kinds = async (target: RunningManagement | undefined) => {
    assert(target !== undefined);
    const text = await (await fetch(target.metricsUrl)).text();
    return new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name, kind]));
  };
  const ours = await kinds(running.get("this broker"));
  const theirs = await kinds(running.get("RabbitMQ"));

  assert(ours.size > 60);
  for (const [name, kind] of ours) {
    // What is no gauge to RabbitMQ has no kind at all.
    const expected = theirs.get(name)?.replace("untyped", "gauge");
    assert.equal(expected, kind, name);
  }
});
