// Clients that never heard of Micronova against the broker, as real processes: Python's pika and Debian's
// amqp-tools. What they say is what RabbitMQ 3.10 makes them say, which the same tests against it prove.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type RunningBroker, said, startBroker } from "../support/running-broker.ts";
import { type RunningRabbit, rabbitMissing, startRabbit } from "../support/running-rabbit.ts";

const python = "/usr/bin/python3";
const script = fileURLToPath(new URL("amqp-pika.py", import.meta.url));
const pikaMissing = existsSync("/usr/lib/python3/dist-packages/pika")
  ? false
  : "the package python3-pika is not installed";
const toolsMissing = existsSync("/usr/bin/amqp-publish") ? false : "the package amqp-tools is not installed";
let ours: RunningBroker;
let rabbit: RunningRabbit | null = null;

before(async () => {
  ours = await startBroker();
  if (rabbitMissing === false) rabbit = await startRabbit();
});
after(async () => {
  await ours.stop();
  await rabbit?.stop();
});

interface Door {
  readonly missing: string | false;
  readonly port: () => number;
}

const doors: Readonly<Record<string, Door>> = {
  "our broker": { missing: false, port: () => ours.port },
  RabbitMQ: { missing: rabbitMissing, port: () => rabbit!.port },
};

async function pika(port: number, scenario: string): Promise<unknown> {
  const { status, stdout, stderr } = await said(python, [script, String(port), scenario]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const expectations: Readonly<Record<string, unknown>> = {
  publish_get: {
    generated: "amq.gen-",
    body: "hello",
    headers: true,
    type: "text/plain",
    large: 300_000,
    redelivered: true,
    empty: true,
  },
  errors: [
    [404, "NOT_FOUND - no queue 'nope' in vhost '/'"],
    [404, "NOT_FOUND - no exchange 'nope' in vhost '/'"],
    [
      406,
      "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'd' in vhost '/': received 'false' but current is 'true'",
    ],
    [
      406,
      "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'd' in vhost '/': received '100' but current is '1000'",
    ],
    [
      406,
      "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'd' in vhost '/': received none but current is the value '1000' of type 'signedint'",
    ],
    [
      406,
      "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'e' in vhost '/': {value_negative,-1}",
    ],
    [
      406,
      "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'e' in vhost '/': \"expected integer, got longstr\"",
    ],
    [403, "ACCESS_REFUSED - queue name 'amq.foo' contains reserved prefix 'amq.*'"],
    [
      406,
      "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'fanout' but current is 'direct'",
    ],
    [406, "PRECONDITION_FAILED - unknown delivery tag 77"],
    [404, "NOT_FOUND - no exchange 'nox' in vhost '/'"],
    [403, "ACCESS_REFUSED - operation not permitted on the default exchange"],
    [405, "RESOURCE_LOCKED - cannot obtain exclusive access to "],
    [503, "COMMAND_INVALID - unknown exchange type 'weird'"],
  ],
  arguments: [
    [
      406,
      "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'f' in vhost '/': {value_too_large,1000000000000}",
    ],
    [406, "PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'f' in vhost '/': invalid_overflow"],
    [
      406,
      "PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'f' in vhost '/': {max_value_exceeded,256}",
    ],
    [
      406,
      "PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'f' in vhost '/'",
    ],
    [
      406,
      `PRECONDITION_FAILED - invalid arg 'x-queue-mode' for queue 'f' in vhost '/': "unsupported queue mode 'eager'"`,
    ],
    [
      406,
      `PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'f' in vhost '/': "unsupported queue type 'heap'"`,
    ],
    [406, "PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue 'f' in vhost '/'"],
    [
      406,
      "PRECONDITION_FAILED - invalid arg 'x-single-active-consumer' for queue 'f' in vhost '/': {unacceptable_type,signedint}",
    ],
    [
      406,
      `PRECONDITION_FAILED - invalid arg 'x-queue-version' for queue 'f' in vhost '/': "unsupported queue version '3'"`,
    ],
    [
      406,
      "PRECONDITION_FAILED - invalid arg 'x-delivery-limit' for queue 'f' in vhost '/' of queue type rabbit_classic_queue",
    ],
    405,
    [
      406,
      "PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'same' in vhost '/': received the value 'x' of type 'longstr' but current is none",
    ],
    [406, "PRECONDITION_FAILED - Invalid x-match field type signedint (value 23); expected longstr"],
    [
      406,
      'PRECONDITION_FAILED - Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x',
    ],
    [
      406,
      `PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'same' in vhost '/': "expected integer, got longstr"`,
    ],
    [
      406,
      `PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'same' in vhost '/': "expected integer, got void"`,
    ],
    null,
  ],
  names: [
    [404, "NOT_FOUND - no exchange 'lineends' in vhost '/'"],
    [403, "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed"],
    [404, "NOT_FOUND - no exchange 'nox' in vhost '/'"],
    [404, "NOT_FOUND - no exchange 'nox' in vhost '/'"],
    [404, "NOT_FOUND - no queue '' in vhost '/'"],
    [406, "PRECONDITION_FAILED - queue 'full' in vhost '/' not empty"],
  ],
  publishes: [
    [406, `PRECONDITION_FAILED - invalid expiration '10foo': {leftover_string,"foo"}`],
    [406, "PRECONDITION_FAILED - invalid expiration 'foo': no_integer"],
    [406, "PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}"],
    null,
    [406, 'PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",signedint}'],
    [406, 'PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"BCC",longstr}'],
    [406, "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'"],
  ],
  copies: [["CC"], ["CC"], ["CC"], null],
  shares: [30, true, false],
  confirms: ["ack", "ack", "nack", "NO_ROUTE"],
  transactions: [0, 1, 0, 1, "PRECONDITION_FAILED - unknown delivery tag 2"],
  dead_letters: [["short", "other"], false, "late", 1, "expired", "expired", "short", 1, ["short"]],
  priorities: ["5", "9", "3", "1"],
  prefetch: [2, 4],
  exchanges: [["through"], ["alternate"]],
  headers_exchange: ["yes"],
  cancelled: ["me"],
  direct_reply: [true, ["answer"]],
  single_active: [
    { a: 4, b: 0 },
    { a: 4, b: 1 },
  ],
  idle: "amq.gen-",
  refused_logins: [
    "ConnectionClosedByBroker: (403) 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.'",
    "ConnectionClosedByBroker: (530) 'NOT_ALLOWED - vhost nowhere not found'",
    "ProbableAuthenticationError",
  ],
};

for (const [door, { missing, port }] of Object.entries(doors)) {
  for (const [scenario, expected] of Object.entries(expectations)) {
    const skip = missing || pikaMissing;
    test(`${door} and pika: ${scenario.replaceAll("_", " ")}`, { skip }, async () => {
      assert.deepEqual(await pika(port(), scenario), expected);
    });
  }

  const skip = missing || toolsMissing;
  test(`${door} and amqp-tools: declare, publish, get, consume, delete`, { skip }, async () => {
    const tool = async (name: string, ...args: string[]) => {
      const { status, stdout, stderr } = await said(`/usr/bin/amqp-${name}`, [
        "--port",
        String(port()),
        ...args,
      ]);
      assert.equal(status, 0, stderr);
      return stdout;
    };

    assert.equal(await tool("declare-queue", "-q", "tools"), "tools\n");
    for (const body of ["one", "two"]) await tool("publish", "-r", "tools", "-b", body, "-p");
    assert.equal(await tool("get", "-q", "tools"), "one");
    assert.equal(await tool("consume", "-q", "tools", "-c", "1", "cat"), "two");
    assert.equal(await tool("delete-queue", "-q", "tools"), "0\n");
  });
}
