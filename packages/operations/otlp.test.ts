// Traces leave once they are whole, as OTLP's JSON form has them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testPlatform } from "@micronova/kit/testing";
import { sagaMigrations } from "@micronova/saga";
import { testStore } from "@micronova/store/testing";
import { operationsMigrations } from "./migrations.ts";
import { otlpBody, otlpExporter } from "./otlp.ts";
import { requestLog } from "./request-log.ts";

const requestId = "req-00000000-0000-4000-8000-0000000000ab";

test("a trace is a tree of spans under the request's id", () => {
  const leaf = {
    name: "call",
    kind: "work",
    at: 1_001,
    ms: 0.5,
    error: "no",
    attributes: {},
    spans: [],
  } as const;
  const root = {
    name: "POST /things",
    kind: "request",
    at: 1_000,
    ms: 2,
    error: null,
    attributes: { request_id: requestId },
    spans: [leaf],
  } as const;

  const [first, second] = JSON.parse(otlpBody([root])).resourceSpans[0].scopeSpans[0].spans;

  assert.equal(first.traceId, "000000000000400080000000000000ab");
  assert.deepEqual([first.parentSpanId, second.parentSpanId], ["", first.spanId]);
  assert.deepEqual([first.startTimeUnixNano, first.endTimeUnixNano], ["1000000000", "1002000000"]);
  assert.deepEqual(second.status, { code: 2, message: "no" });
  assert.notEqual(first.spanId, second.spanId);
});

test("each request is sent once, and a collector that is away holds nothing up", async () => {
  const platform = testPlatform();
  const store = await testStore(platform, [...sagaMigrations, ...operationsMigrations]);
  const sent: string[] = [];
  let isAway = false;
  const send = async (_url: string, body: string) => {
    if (isAway) throw new Error("away");
    sent.push(JSON.parse(body).resourceSpans[0].scopeSpans[0].spans[0].name);
  };
  const requests = requestLog({ platform, store });
  const exporter = otlpExporter({ platform, store, url: "http://collector", send });
  for (const service of [requests, exporter]) await service.start();
  const answered = (id: string, path: string) =>
    requests.add({
      requestId: id,
      method: "POST",
      path,
      status: 202,
      at: platform.clock.now(),
      ms: 1,
      spans: [],
    });

  await platform.clock.advance(1_000);
  answered(requestId, "/one");
  await platform.clock.advance(20_000);
  isAway = true;
  answered("req-2", "/lost");
  await platform.clock.advance(20_000);
  isAway = false;
  answered("req-3", "/three");
  await platform.clock.advance(20_000);

  assert.deepEqual(sent, ["POST /one", "POST /three"]);
  for (const service of [exporter, requests]) await service.stop();
});
