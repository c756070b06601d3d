// Rpc over a Bus: the proxies of a process and the servers it starts.
import type { Bus, Consumer } from "@micronova/amqp";
import { hexId, type Platform, type Service } from "@micronova/kit";
import { type Outgoing, RpcClient } from "./client.ts";
import type { CallOptions, Calls, CastCalls, Contract, Rpc, Topic } from "./contract.ts";
import { memoryFences } from "./fences.ts";
import { fanoutExchange, fanoutQueue, workTarget } from "./names.ts";
import { RecentIds } from "./recent-ids.ts";
import { RpcServer, type ServerDeps } from "./server.ts";

export interface BusRpcDeps {
  readonly platform: Platform;
  readonly bus: Bus;
}

// Enough to keep a worker busy; what is beyond it waits in the queue, where another process may take it.
const prefetchDefault = 64;
// News is handled as it comes; the bound only keeps a burst from filling memory twice.
const newsPrefetch = 256;

/** The door of one process: its proxies, its servers, its listeners. */
export function busRpc(deps: BusRpcDeps): Rpc {
  const { platform, bus } = deps;
  const processId = hexId(platform.random.uuid());
  const client = new RpcClient({ platform, bus, processId });
  const call = (outgoing: Outgoing) => client.call(outgoing);
  const recent = new RecentIds();
  const announced = new Set<string>();
  let listeners = 0;
  return {
    on: (contract, host, options) =>
      callsOf(contract, { target: workTarget(contract.topic, host), options, send: call }),
    any: (contract, options) =>
      callsOf(contract, { target: workTarget(contract.topic, null), options, send: call }),
    cast: <C extends Contract>(contract: C, options: CallOptions) => {
      const send = (outgoing: Outgoing) => client.cast(outgoing);
      const calls = callsOf(contract, { target: workTarget(contract.topic, null), options, send });
      // A cast's proxy differs from a call's by what its promises say.
      return calls as unknown as CastCalls<C>;
    },
    serve: (contract, host, handlers, options = {}) =>
      new RpcServer({
        platform,
        bus,
        recent,
        contract,
        target: workTarget(contract.topic, host),
        // Arguments arrive as the contract's proxy sent them; the dispatcher itself does not look into them.
        handlers: handlers as unknown as ServerDeps["handlers"],
        fences: options.fences ?? memoryFences(),
        prefetch: options.prefetch ?? prefetchDefault,
      }),
    async announce(topic, event) {
      const exchange = fanoutExchange(topic.name);
      if (!announced.has(topic.name)) await bus.declare(exchange);
      announced.add(topic.name);
      // That an event is plain JSON is `topic`'s condition.
      await bus.publish({ exchange: exchange.name, key: "" }, { body: event as never });
    },
    listen: (topic, handle) => listener(bus, { topic, id: `${processId}_${++listeners}`, handle }),
    close: async () => client.close(),
  };
}

interface Calling {
  readonly target: string;
  readonly options: CallOptions;
  readonly send: (outgoing: Outgoing) => Promise<unknown>;
}

/** The typed proxy of a contract: a function for each of its methods. */
function callsOf<C extends Contract>(contract: C, { target, options, send }: Calling): Calls<C> {
  const calls: Record<string, (args: unknown) => Promise<unknown>> = {};
  for (const method of Object.keys(contract.methods)) {
    calls[method] = (args) => send({ contract, target, method, args, options });
  }
  // The functions were made from the contract's own methods; their types are its types.
  return calls as unknown as Calls<C>;
}

interface Listening<E> {
  readonly topic: Topic<E>;
  readonly id: string;
  readonly handle: (event: E) => void;
}

function listener<E>(bus: Bus, { topic, id, handle }: Listening<E>): Service {
  let consumer: Consumer | null = null;
  return {
    name: `listener of ${topic.name}`,
    async start() {
      await bus.declare(fanoutExchange(topic.name));
      consumer = await bus.consume(fanoutQueue(topic.name, id), { prefetch: newsPrefetch }, (delivery) => {
        // What is announced under a topic is of its type.
        handle(delivery.message.body as unknown as E);
        delivery.ack();
      });
    },
    async stop() {
      await consumer?.cancel();
    },
  };
}
