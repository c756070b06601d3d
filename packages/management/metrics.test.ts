// Metrics under RabbitMQ's names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { anApiWithWork } from "./testing.ts";

async function scraped(
  { server }: Awaited<ReturnType<typeof anApiWithWork>>,
  path: string,
  headers: Readonly<Record<string, string>> = {},
) {
  const { status, body } = await server.inject({ method: "GET", url: path, headers });
  const lines = String(body).split("\n");
  const values = lines.filter((line) => line.startsWith("rabbitmq_")).map((line) => line.split(" ") as never);
  return { status, values: new Map<string, string>(values), lines };
}

test("totals are open to all, and do not fall when a door closes", async () => {
  const api = await anApiWithWork();
  const { bus, platform } = api;
  await bus.consume({ name: "jobs", durable: true, bindings: [] }, { prefetch: 1 }, (delivery) =>
    delivery.ack(),
  );
  for (const key of ["a.b", "a.c", "nowhere"]) await bus.publish({ exchange: "work", key }, { body: "text" });
  await platform.clock.advance(0);
  await bus.close();

  const { status, values, lines } = await scraped(api, "/metrics");

  const expected: Readonly<Record<string, string>> = {
    rabbitmq_queues: "1",
    rabbitmq_consumers: "0",
    rabbitmq_connections: "0",
    rabbitmq_queue_messages_ready: "0",
    rabbitmq_queue_messages_published_total: "2",
    rabbitmq_channel_messages_published_total: "3",
    rabbitmq_channel_messages_acked_total: "2",
    rabbitmq_channel_messages_unroutable_dropped_total: "1",
    'rabbitmq_global_messages_received_total{protocol="amqp091"}': "3",
    'rabbitmq_global_messages_routed_total{protocol="amqp091"}': "2",
    'rabbitmq_global_messages_acknowledged_total{protocol="amqp091",queue_type="rabbit_classic_queue"}': "2",
    rabbitmq_queues_created_total: "1",
    'rabbitmq_identity_info{rabbitmq_node="micronova@test",rabbitmq_cluster="micronova"}': "1",
  };
  assert.equal(status, 200);
  for (const [name, value] of Object.entries(expected)) assert.equal(values.get(name), value, name);
  assert(lines.includes("# TYPE rabbitmq_queue_messages_ready gauge"));
  assert(lines.includes("# TYPE rabbitmq_channel_messages_published_total counter"));
});

test("each queue is shown with its labels to who may come in", async () => {
  const api = await anApiWithWork();
  const { bus, broker } = api;
  broker.addHost('o"x');
  broker.hosts
    .get('o"x')
    ?.declareQueue({ name: "q", durable: false, exclusive: false, autoDelete: false, arguments: {} }, broker);
  await bus.publish({ exchange: "work", key: "a.b" }, { body: "text" });

  const stranger = await scraped(api, "/metrics/per-object");
  const authorization = `Basic ${btoa("guest:guest")}`;
  const { status, values } = await scraped(api, "/metrics/per-object", { authorization });

  assert.deepEqual([stranger.status, status], [401, 200]);
  assert.equal(values.get('rabbitmq_queue_messages_ready{vhost="/",queue="jobs"}'), "1");
  assert.equal(values.get('rabbitmq_queue_messages_ready{vhost="o\\"x",queue="q"}'), "0");
});
