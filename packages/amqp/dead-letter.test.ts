// Dead letters of messages that mean no good: nobody is there to be told when a letter cannot be written, so
// it always can.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testPlatform } from "@micronova/kit/testing";
import { Properties, propertiesOf } from "./codec/properties.ts";
import { type Table, Typed } from "./codec/table.ts";
import { contentOfBytes, Label } from "./content.ts";
import { Broker } from "./index.ts";

const plainQueue = { durable: false, exclusive: false, autoDelete: false };

function aBrokerWithLetters() {
  const platform = testPlatform();
  const broker = new Broker(platform);
  const { host } = broker;
  const args = { "x-message-ttl": 10, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" };
  host.declareQueue({ ...plainQueue, name: "q", arguments: args }, broker);
  host.declareQueue({ ...plainQueue, name: "dead", arguments: {} }, broker);
  const expire = async (properties: Properties) => {
    const content = contentOfBytes(new Label("", "q"), properties, Buffer.from("body"));
    host.enqueue(host.route(content), content);
    await platform.clock.advance(100);
    return host.queue("dead").get()?.content ?? null;
  };
  return { platform, broker, host, expire };
}

test("a letter is written whatever its publisher claims about earlier deaths", async () => {
  const { broker, expire } = aBrokerWithLetters();
  const counts = [
    new Typed("d", Number.NaN),
    new Typed("d", Number.POSITIVE_INFINITY),
    1.5,
    "many",
    null,
    [1, 2],
    { valueOf: 1, toString: 2 },
    new Typed("l", 2n ** 63n - 1n),
    new Typed("D", [2, 5]),
    new Typed("T", 2n ** 64n - 1n),
  ] as const;
  for (const count of counts) {
    const death: Table = { queue: "q", reason: "expired", count };
    const headers: Table = { "x-death": [death], at: new Typed("T", 2n ** 64n - 1n) };

    const letter = await expire(propertiesOf({ headers }));

    const deaths = letter?.properties(broker.form).headers["x-death"];
    assert.ok(Array.isArray(deaths));
    assert.deepEqual(deaths[0]?.count, new Typed("l", 1n), JSON.stringify(headers, bigintsToo));
  }
});

test("a letter's properties are those of its message, byte by byte, without its time", async () => {
  const { broker, expire } = aBrokerWithLetters();
  const correlation = Buffer.concat([Buffer.from([255]), Buffer.alloc(255, 0xff)]);
  // A correlation id, an expiration and a timestamp.
  const bytes = [Buffer.from("0540", "hex"), correlation, Buffer.from("\u00015"), Buffer.alloc(8, 0xff)];

  const letter = await expire(new Properties(Buffer.concat(bytes)));

  const properties = letter?.properties(broker.form);
  assert.ok(properties?.bytes.includes(correlation));
  assert.ok(properties?.bytes.includes(Buffer.alloc(8, 0xff)));
  assert.equal(properties?.expiration, null);
});

test("letters go from queue to queue without end of the stack, and not round for ever", async () => {
  const { broker, host, expire } = aBrokerWithLetters();
  const count = 20_000;
  // Each holds nothing, and buries what comes in the next; the last leads back to the first.
  for (let number = 0; number < count; number++) {
    const args = {
      "x-max-length": 0,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": number + 1 === 300 ? "0" : String(number + 1),
    };
    host.declareQueue({ ...plainQueue, name: String(number), arguments: args }, broker);
  }
  const content = contentOfBytes(new Label("", "0"), propertiesOf({}), Buffer.from("round"));
  host.enqueue(host.route(content), content);

  for (let number = 0; number < count; number++) assert.equal(host.queue(String(number)).readyCount, 0);
  assert.notEqual(await expire(propertiesOf({})), null);
});

const bigintsToo = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
