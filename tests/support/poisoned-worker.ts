// A process whose broker is inside and on disk, and whose worker is killed by the message it takes. Ends
// with 0 once the message is parked. Usage: poisoned-worker.ts DIRECTORY
import { Broker, persistence } from "@micronova/amqp";
import { systemContext } from "@micronova/kit";
import { busRpc, contract, method } from "@micronova/rpc";
import { realPlatform } from "./running-broker.ts";
import { eventually } from "./three-buses.ts";

const [directory = ""] = process.argv.slice(2);
const role = contract("poisoned", { ask: method<object>({ timeoutMs: 10_000 }) });
const broker = new Broker(realPlatform);
const storage = persistence(broker, directory);
await storage.start();
const isFirst = broker.queues().length === 0;
const rpc = busRpc({ platform: realPlatform, bus: broker.bus() });
const server = rpc.serve(role, null, {
  ask: async () => {
    process.kill(process.pid, "SIGKILL");
  },
});
if (isFirst) {
  // Resolves when it is on disk, where nobody takes it yet.
  await server.start();
  await server.stop();
  await rpc.cast(role, { context: systemContext("1") }).ask({});
}
await server.start();
const waiting = (name: string) => broker.queues().find((queue) => queue.name === name)?.messages_ready;
await eventually(() => waiting("micronova.dead") === 1 && waiting(role.topic) === 0);
await server.stop();
await rpc.close();
await storage.stop();
broker.close();
