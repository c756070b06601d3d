// Rpc over a Bus: the proxies of a process and the servers it starts.
import type { Bus, Consumer, Delivery } from "@micronova/amqp";
import { hexId, type Platform, type Service, systemContext } from "@micronova/kit";
import { type Outgoing, RpcClient } from "./client.ts";
import type { CallOptions, Calls, CastCalls, Contract, Rpc } from "./contract.ts";
import { rpcErrors } from "./errors.ts";
import { consumeFanout } from "./fanout.ts";
import { memoryFences } from "./fences.ts";
import { workTarget } from "./names.ts";
import { Parking } from "./parking.ts";
import { RecentMap } from "./recent-map.ts";
import { RpcServer, type ServerDeps } from "./server.ts";
import { readCall } from "./wire.ts";

export interface BusRpcDeps {
  readonly platform: Platform;
  readonly bus: Bus;
  /** How many calls each server has in hand at most, when it does not say so itself. */
  readonly prefetch?: number;
}

// Enough to keep a worker busy; what is beyond it waits in the queue, where another process may take it.
const prefetchDefault = 64;
// A repeated message comes soon after the first, once its sender has connected again.
const takenMax = 20_000;

/** The door of one process: its proxies, its servers, its listeners. */
export function busRpc(deps: BusRpcDeps): Rpc {
  const { platform, bus } = deps;
  const processId = hexId(platform.random.uuid());
  let ids = 0;
  const newId = () => `${processId}-${++ids}`;
  const parking = new Parking(deps);
  const client = new RpcClient({ platform, bus, parking, processId, newId });
  const taken = new RecentMap<true>(takenMax);
  const call = (outgoing: Outgoing) => client.call(outgoing);
  return {
    on: (contract, host, options) =>
      callsOf(contract, { target: workTarget(contract.topic, host), options, send: call }),
    any: (contract, options) =>
      callsOf(contract, { target: workTarget(contract.topic, null), options, send: call }),
    cast: (contract, options) =>
      castsOf(contract, {
        target: workTarget(contract.topic, null),
        options,
        send: (outgoing) => client.cast(outgoing),
      }),
    fanout: (contract, options) =>
      castsOf(contract, {
        target: workTarget(contract.topic, null),
        options,
        send: (outgoing) => client.fanout(outgoing),
      }),
    serve: (contract, host, handlers, options = {}) => {
      const prefetch = options.prefetch ?? deps.prefetch ?? prefetchDefault;
      return new RpcServer({
        platform,
        bus,
        parking,
        taken,
        newId,
        contract,
        target: workTarget(contract.topic, host),
        // Arguments arrive as the contract's proxy sent them; the dispatcher itself does not look into them.
        handlers: handlers as unknown as ServerDeps["handlers"],
        fences: options.fences ?? memoryFences(),
        prefetch,
        atOnce: options.atOnce ?? prefetch,
      });
    },
    async announce(topic, event) {
      const options = { context: systemContext(platform.random.uuid()) };
      const contract = { topic: topic.name, methods: {}, version: newsVersion, namespace: null };
      const sent = client.fanout({ contract, target: topic.name, method: newsMethod, args: event, options });
      // News are hints: an API does not stand still for a broker that is away.
      sent.catch((error) => platform.log.warn({ topic: topic.name, error }, "news could not be sent"));
    },
    listen: (topic, handle) => new Listener({ bus, parking, topic: topic.name, id: newId(), handle }),
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

/** A cast's proxy differs from a call's by what its promises say. */
function castsOf<C extends Contract>(contract: C, calling: Calling): CastCalls<C> {
  return callsOf(contract, calling) as unknown as CastCalls<C>;
}

// An announcement is a cast to all of a topic, of this method, with the event as its arguments.
const newsMethod = "announce";
const newsVersion = "1.0";

interface ListenerDeps<E> {
  readonly bus: Bus;
  readonly parking: Parking;
  readonly topic: string;
  readonly id: string;
  readonly handle: (event: E) => void;
}

class Listener<E> implements Service {
  readonly name: string;
  readonly #deps: ListenerDeps<E>;
  #consumer: Consumer | null = null;

  constructor(deps: ListenerDeps<E>) {
    this.name = `listener of ${deps.topic}`;
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { bus, parking, topic, id } = this.#deps;
    const handle = (delivery: Delivery) => this.#hear(delivery);
    this.#consumer = await consumeFanout(bus, parking, { topic, id, handle });
  }

  async stop(): Promise<void> {
    await this.#consumer?.cancel();
  }

  #hear(delivery: Delivery): void {
    const { method, args } = readCall(delivery.message.body);
    if (method !== newsMethod) throw rpcErrors.notACall(`it is ${method}, and no announcement`);
    // What is announced under a topic is of its type.
    this.#deps.handle(args as E);
    delivery.ack();
  }
}
