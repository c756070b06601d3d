// Workers that are stopped in the middle of their work, one after another, as at an update: every call is
// answered, and none is done twice, since who stops takes no more, ends what it has in hand, and then goes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemContext } from "@micronova/kit";
import { busRpc, contract, method } from "@micronova/rpc";
import { realPlatform } from "../support/running-broker.ts";
import { type Door, fresh, threeBuses } from "../support/three-buses.ts";

const buses = threeBuses();
before(() => buses.start());
after(() => buses.stop());

const callsCount = 400;
const callsAtOnce = 50;
const prefetch = 8;
const workMsMax = 10;

for (const door of buses.doors) {
  test(`${door.name}: workers that stop lose no call and do none twice`, { skip: door.skip }, async () => {
    const role = contract(fresh("drained"), {
      work: method<{ readonly call: number }, number>({ timeoutMs: 30_000 }),
    });
    const done: number[] = [];
    const aWorker = async () => {
      const bus = door.connect();
      const rpc = busRpc({ platform: realPlatform, bus, prefetch });
      const work = async ({ call }: { readonly call: number }) => {
        await new Promise((resolve) => setTimeout(resolve, (call * 7) % workMsMax));
        done.push(call);
        return call;
      };
      const server = rpc.serve(role, null, { work });
      await server.start();
      return async () => {
        await server.stop();
        await rpc.close();
        await bus.close();
      };
    };
    let stopLast = await aWorker();

    const answers = callAll(door, role);
    for (let update = 1; update <= 4; update++) {
      const until = (update * callsCount) / 5;
      while (done.length < until) await new Promise((resolve) => setTimeout(resolve, 1));
      const stopNext = await aWorker();
      await stopLast();
      stopLast = stopNext;
    }

    assert.deepEqual(
      await answers,
      Array.from({ length: callsCount }, (_, call) => call),
    );
    assert.deepEqual(
      done.toSorted((one, other) => one - other),
      await answers,
    );
    await stopLast();
  });
}

type Role = ReturnType<
  typeof contract<{ readonly work: ReturnType<typeof method<{ call: number }, number>> }>
>;

/** So many at once, so that a worker always has some in hand and some wait. */
async function callAll(door: Door, role: Role): Promise<readonly number[]> {
  const rpc = busRpc({ platform: realPlatform, bus: door.connect() });
  const context = systemContext("11111111-1111-4111-8111-111111111111");
  const { work } = rpc.any(role, { context });
  const answers: number[] = [];
  let next = 0;
  const callOn = async (): Promise<void> => {
    if (next === callsCount) return;
    const call = next++;
    answers[call] = await work({ call });
    await callOn();
  };
  await Promise.all(Array.from({ length: callsAtOnce }, callOn));
  await rpc.close();
  return answers;
}
