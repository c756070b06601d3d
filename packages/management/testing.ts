// What tests of the management API begin with: a broker in memory, the API over it, and somebody who asks.
import assert from "node:assert/strict";
import { Broker, type Queue } from "@micronova/amqp";
import { type InjectResponse, listen } from "@micronova/http";
import { testPlatform } from "@micronova/kit/testing";
import { basicAuth, managementService } from "./index.ts";
import type { JsonObject } from "./routes.ts";

/** Users' passwords are their names. */
export function anApi() {
  const platform = testPlatform();
  const broker = new Broker(platform);
  const service = managementService({
    broker,
    doorkeeper: basicAuth(broker),
    nodeName: "micronova@test",
    listeners: () => [{ protocol: "amqp", ip_address: "127.0.0.1", port: 5672 }],
    dataDir: null,
    metrics: "totals",
  });
  const server = listen(platform, { host: "127.0.0.1", port: 15672, services: { "/": service } });
  const ask = (method: string, path: string, body?: unknown, user = "guest"): Promise<InjectResponse> =>
    server.inject({
      method,
      url: `/api${path}`,
      headers: { authorization: `Basic ${btoa(`${user}:${user}`)}` },
      ...(body === undefined ? {} : { body }),
    });
  /** What is there, which must be an object. */
  const get = async (path: string): Promise<JsonObject> => {
    const { status, body } = await ask("GET", path);
    assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`);
    assert(typeof body === "object" && body !== null);
    return body as JsonObject;
  };
  /** The objects of a list. */
  const all = async (path: string): Promise<readonly JsonObject[]> => {
    const items: unknown = await get(path);
    assert(Array.isArray(items), path);
    return items;
  };
  return { platform, broker, service, server, ask, get, all };
}

const jobs: Queue = { name: "jobs", durable: true, bindings: [{ exchange: "work", key: "a.*" }] };

/** With a topic exchange `work` and the queue `jobs` bound to it. */
export async function anApiWithWork() {
  const api = anApi();
  const bus = api.broker.bus();
  await bus.declare({ name: "work", kind: "topic", durable: true });
  await bus.declareQueue(jobs);
  return { ...api, bus };
}
