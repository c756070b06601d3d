// Calls over connections that break, on both brokers: each is done once, and its caller hears the answer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Bus, connectAmqp } from "@micronova/amqp";
import { systemContext } from "@micronova/kit";
import { busRpc, contract, method, osloEnvelope, type Rpc } from "@micronova/rpc";
import { type RunningBroker, realPlatform, startBroker } from "../support/running-broker.ts";
import { type RunningRabbit, rabbitMissing, startRabbit } from "../support/running-rabbit.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { eventually, fresh } from "../support/three-buses.ts";

let ours: RunningBroker;
let rabbit: RunningRabbit;
const buses: Bus[] = [];
const processes: Rpc[] = [];
const proxies: TcpProxy[] = [];

before(async () => {
  ours = await startBroker({ form: osloEnvelope });
  if (rabbitMissing === false) rabbit = await startRabbit();
});
after(async () => {
  for (const rpc of processes) await rpc.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await ours.stop();
  if (rabbitMissing === false) await rabbit.stop();
});

const doors = [
  { door: "our broker", skip: false, port: () => ours.port },
  { door: "RabbitMQ", skip: rabbitMissing, port: () => rabbit.port },
] as const;
const context = systemContext("11111111-1111-4111-8111-111111111111");

/** A caller and a worker, each on a wire of its own, and what the worker is asked to do. */
async function aPair(port: number) {
  const role = contract(fresh("role"), {
    double: method<{ readonly n: number }, number>({ timeoutMs: 30_000 }),
    wait: method<object, string>({ timeoutMs: 30_000 }),
  });
  const [near, far] = await Promise.all([startProxy(port), startProxy(port)]);
  proxies.push(near, far);
  const [caller, worker] = [near, far].map((proxy) => {
    const url = `amqp://guest:guest@127.0.0.1:${proxy.port}`;
    const bus = connectAmqp(realPlatform, [url], { form: osloEnvelope, heartbeatSeconds: 2 });
    buses.push(bus);
    const rpc = busRpc({ platform: realPlatform, bus });
    processes.push(rpc);
    return rpc;
  });
  const done: (number | "wait")[] = [];
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = worker!.serve(role, "h1", {
    double: async ({ n }) => {
      done.push(n);
      return n * 2;
    },
    wait: async () => {
      done.push("wait");
      await released;
      return "done";
    },
  });
  await server.start();
  return { calls: caller!.on(role, "h1", { context }), near, far, done, release, server };
}

for (const { door, skip, port } of doors) {
  test(`${door}: a worker whose connection is cut goes on with its call, once`, { skip }, async () => {
    const { calls, far, done, release, server } = await aPair(port());
    const answer = calls.wait({});
    await eventually(() => done.length === 1);

    far.cut();
    assert.equal(await calls.double({ n: 1 }), 2);
    release();

    assert.equal(await answer, "done");
    assert.deepEqual(done, ["wait", 1]);
    await server.stop();
  });

  test(`${door}: an answer that comes while its caller is away is heard afterwards`, { skip }, async () => {
    const { calls, near, done, release, server } = await aPair(port());
    const answer = calls.wait({});
    await eventually(() => done.length === 1);

    near.cut();
    release();

    assert.equal(await answer, "done");
    await server.stop();
  });

  test(`${door}: a caller whose connection is cut without a word hears its answer`, { skip }, async () => {
    const { calls, near, done, release, server } = await aPair(port());
    const answer = calls.wait({});
    await eventually(() => done.length === 1);

    near.dropNearEnds();
    assert.equal(await calls.double({ n: 1 }), 2);
    release();

    assert.equal(await answer, "done");
    await server.stop();
  });

  test(`${door}: however often both are cut, every call is done once and answered`, { skip }, async () => {
    const { calls, near, far, done, server } = await aPair(port());
    const count = 500;
    const numbers = Array.from({ length: count }, (_, n) => n);

    const answers: number[] = [];
    const asking = (async () => {
      for (let from = 0; from < count; from += 50)
        answers.push(...(await Promise.all(numbers.slice(from, from + 50).map((n) => calls.double({ n })))));
    })();
    for (let cuts = 0; answers.length < count && cuts < 8; cuts++) {
      const before = done.length;
      (cuts % 2 === 0 ? near : far).cut();
      await eventually(() => done.length > before || answers.length === count);
    }
    await asking;

    assert.deepEqual(
      answers,
      numbers.map((n) => n * 2),
    );
    assert.deepEqual(
      done.toSorted((one, other) => Number(one) - Number(other)),
      numbers,
    );
    await server.stop();
  });
}
