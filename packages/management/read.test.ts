// What the management API shows, in RabbitMQ's shapes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { anApi, anApiWithWork } from "./testing.ts";

test("a queue and its exchange show counts, and rates once they were looked at twice", async () => {
  const { platform, service, bus, get } = await anApiWithWork();
  const publish = () => bus.publish({ exchange: "work", key: "a.b" }, { body: "x" });
  await service.start();
  await publish();
  await platform.clock.advance(5_000);
  for (let n = 0; n < 10; n++) await publish();
  await platform.clock.advance(5_000);

  const queue = await get("/queues/%2F/jobs");
  const exchange = await get(
    "/exchanges/%2F/work?columns=message_stats.publish_in,message_stats.publish_out_details",
  );
  const overview = await get("/overview");

  const shown = ["name", "vhost", "durable", "state", "node", "consumers", "messages", "messages_ready"];
  assert.deepEqual(
    shown.map((column) => queue[column]),
    ["jobs", "/", true, "running", "micronova@test", 0, 11, 11],
  );
  assert.deepEqual(queue["messages_ready_details"], { rate: 2 });
  const { publish: published, publish_details, deliver_get } = queue["message_stats"] as never;
  assert.deepEqual([published, publish_details, deliver_get], [11, { rate: 2 }, 0]);
  assert.deepEqual(exchange, { message_stats: { publish_in: 11, publish_out_details: { rate: 2 } } });
  const { publish: all, publish_details: details } = overview["message_stats"] as never;
  assert.deepEqual([all, details], [11, { rate: 2 }]);
  assert.deepEqual(overview["object_totals"], {
    channels: 0,
    connections: 0,
    consumers: 0,
    exchanges: 8,
    queues: 1,
  });
  await service.stop();
});

test("bindings are shown from both ends, and called by keys that a path can hold", async () => {
  const { broker, all, get } = await anApiWithWork();
  const { host } = broker;
  const queue = host.queue("jobs");
  host.bind(queue, { source: "work", key: "a b/c~", arguments: {} });
  host.bind(queue, { source: "work", key: "", arguments: { x: 1 } });
  host.bind(host.exchange("work"), { source: "amq.direct", key: "k", arguments: {} });

  const keys = (await all("/bindings/%2F/e/work/q/jobs")).map((binding) => binding["properties_key"]);

  assert.deepEqual(keys.slice(0, 2), ["a.%2A", "a+b%2Fc%7E"]);
  assert.match(String(keys[2]), /^~[\w-]{6}$/);
  for (const key of keys) {
    const binding = await get(`/bindings/%2F/e/work/q/jobs/${encodeURIComponent(String(key))}`);
    assert.equal(binding["properties_key"], key);
  }
  const ends = async (path: string) =>
    (await all(path)).map(({ source, destination, destination_type }) => [
      source,
      destination,
      destination_type,
    ]);
  assert.deepEqual(await ends("/queues/%2F/jobs/bindings?columns=source,destination,destination_type"), [
    ["", "jobs", "queue"],
    ...[1, 2, 3].map(() => ["work", "jobs", "queue"]),
  ]);
  assert.deepEqual(await ends("/exchanges/%2F/work/bindings/destination"), [
    ["amq.direct", "work", "exchange"],
  ]);
  assert.equal((await ends("/exchanges/%2F/work/bindings/source")).length, 3);
  assert.deepEqual(await ends("/bindings/%2F/e//q/jobs"), [["", "jobs", "queue"]]);
  assert.equal((await all("/bindings")).length, 5);
});

test("a consumer in process is shown without a channel", async () => {
  const { bus, all, get } = await anApiWithWork();
  await bus.consume({ name: "jobs", durable: true, bindings: [] }, { prefetch: 3 }, () => {});

  const [consumer] = await all("/consumers/%2F");
  const queue = await get("/queues/%2F/jobs?columns=consumers,consumer_details");

  assert.deepEqual(
    [
      consumer?.["queue"],
      consumer?.["ack_required"],
      consumer?.["prefetch_count"],
      consumer?.["channel_details"],
    ],
    [{ name: "jobs", vhost: "/" }, true, 3, {}],
  );
  assert.deepEqual(queue, { consumers: 1, consumer_details: [consumer] });
});

test("health is told by alarms and by what is listened on", async () => {
  const { broker, ask } = anApi();
  const health = async (check: string) => {
    const { status, body } = await ask("GET", `/health/checks/${check}`);
    return [status, (body as { status?: string }).status];
  };

  assert.deepEqual(await health("alarms"), [200, "ok"]);
  assert.deepEqual(await health("port-listener/5672"), [200, "ok"]);
  assert.deepEqual(await health("port-listener/1"), [503, "failed"]);
  assert.deepEqual(await health("port-listener/x"), [400, undefined]);
  assert.deepEqual(await health("protocol-listener/amqp"), [200, "ok"]);
  assert.deepEqual(await health("protocol-listener/mqtt"), [503, "failed"]);
  broker.alarm("disk", "disk");
  assert.deepEqual(await health("local-alarms"), [503, "failed"]);
  const { body } = await ask("GET", "/health/checks/alarms");
  assert.deepEqual(body, {
    status: "failed",
    reason: "There are alarms in effect in the cluster",
    alarms: [{ resource: "disk", node: "micronova@test" }],
  });
});

test("lists are sorted, cut into columns and pages, and searched", async () => {
  const { broker, all, get, ask } = anApi();
  broker.addHost("b");
  broker.addHost("c");
  broker.access.setPermission("guest", "b", { configure: "", write: "", read: "" });
  const names = async (query: string) => (await all(`/vhosts?columns=name&${query}`)).map(({ name }) => name);

  assert.deepEqual(await names("sort=name&sort_reverse=true"), ["c", "b", "/"]);
  assert.deepEqual(await get("/exchanges?page=2&page_size=3&name=AMQ&columns=name,vhost&sort=vhost"), {
    filtered_count: 18,
    item_count: 3,
    items: ["match", "rabbitmq.trace", "topic"].map((name) => ({ name: `amq.${name}`, vhost: "/" })),
    page: 2,
    page_count: 6,
    page_size: 3,
    total_count: 21,
  });
  const found = await get("/exchanges/%2F?page=1&name=%5Eamq.%5Bdf%5D&use_regex=true&columns=name");
  assert.deepEqual(found["items"], [{ name: "amq.direct" }, { name: "amq.fanout" }]);
  const cases: readonly (readonly [string, string, string])[] = [
    ["page=9&page_size=2", "page_out_of_range", "Page out of range, page: 9 page size: 2, len: 0"],
    ["page=x", "bad_request", "Pagination parameters are invalid"],
    ["page=1&name=(&use_regex=true", "bad_request", "Pagination parameters are invalid"],
    [
      "page=0",
      "invalid_pagination_parameters",
      "Invalid pagination parameters: page number 0, page size undefined",
    ],
    [
      "page=1&page_size=600",
      "invalid_pagination_parameters",
      "Invalid pagination parameters: page number 1, page size 600",
    ],
  ];
  for (const [query, error, reason] of cases) {
    const { status, body } = await ask("GET", `/queues?${query}`);
    assert.deepEqual([status, body], [400, { error, reason }], query);
  }
});

test("what is not there, not asked rightly or not supported is said in RabbitMQ's way", async () => {
  const { server, ask } = anApi();
  const missing = { error: "Object Not Found", reason: "Not Found" };
  const cases: readonly (readonly [string, string, number, unknown])[] = [
    ["GET", "/queues/%2F/nope", 404, missing],
    ["GET", "/queues/nope", 404, missing],
    ["GET", "/nope", 404, missing],
    ["GET", "/nodes/nope", 404, missing],
    ["GET", "/connections/nope", 404, missing],
    ["GET", "/bindings/%2F/x/amq.direct/q/nope", 404, missing],
    ["GET", "/bindings/%2F/e/amq.direct/x/nope", 404, missing],
    ["GET", "/policies", 200, []],
    ["GET", "/policies/%2F/nope", 404, missing],
    [
      "PUT",
      "/operator-policies/%2F/p",
      501,
      {
        error: "not_implemented",
        reason:
          "Setting operators' policies is not supported. Policies set the same, and of a policy and an argument " +
          "the stricter holds.",
      },
    ],
    ["GET", "/whoami", 200, { name: "guest", tags: ["administrator"] }],
  ];
  for (const [method, path, status, body] of cases) {
    const answer = await ask(method, path, method === "PUT" ? {} : undefined);
    assert.deepEqual([answer.status, answer.body], [status, body], path);
  }
  const posted = await ask("POST", "/overview");
  assert.deepEqual([posted.status, posted.headers["allow"]], [405, "GET, HEAD, OPTIONS"]);
  const stranger = await server.inject({ method: "GET", url: "/api/overview" });
  assert.deepEqual(
    [stranger.status, stranger.headers["www-authenticate"], stranger.body],
    [401, 'Basic realm="Micronova Management"', { error: "not_authorized", reason: "Login failed" }],
  );
});

test("a pattern that would be matched for ever is refused", async () => {
  const { broker, ask } = anApi();
  const name = `${"a".repeat(40)}!`;
  broker.host.declareQueue(
    { name, durable: false, exclusive: false, autoDelete: false, arguments: {} },
    broker,
  );

  const { status, body } = await ask(
    "GET",
    `/queues?page=1&use_regex=true&name=${encodeURIComponent("(a+)+$")}`,
  );

  assert.deepEqual(
    [status, body],
    [400, { error: "bad_request", reason: "Pagination parameters are invalid" }],
  );
});
