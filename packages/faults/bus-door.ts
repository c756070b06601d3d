// Faults of the bus, as one process sees them: messages it sends are lost, repeated, late or overtaken; what
// it consumes is held while it is frozen; and while its broker is away nothing passes at all.
import type {
  Address,
  Bus,
  ConsumeOptions,
  Consumer,
  Delivery,
  Exchange,
  Message,
  Queue,
} from "@micronova/amqp";
import { isFault, type Millis, type Platform } from "@micronova/kit";
import { type Caller, callerOf, nobody, onBehalfOf, resourcesIn, textOf } from "./callers.ts";
import type { Facts, RuleTable } from "./rule-table.ts";

/** A process of the cloud, by what it does and where. */
export interface FaultyProcess {
  readonly role: string;
  readonly host: string | null;
}

export interface BusDoorDeps {
  readonly platform: Platform;
  readonly rules: RuleTable;
  readonly process: FaultyProcess;
}

// A message that nothing overtakes goes on by itself.
const overtakenWithinMs: Millis = 1_000;

type Publish = () => Promise<void>;

export class BusDoor implements Bus {
  readonly #deps: BusDoorDeps;
  readonly #bus: Bus;
  /** Messages that wait to be overtaken, by where they go. */
  readonly #overtaken = new Map<string, Set<Publish>>();

  constructor(deps: BusDoorDeps, bus: Bus) {
    this.#deps = deps;
    this.#bus = bus;
  }

  async declare(exchange: Exchange): Promise<void> {
    await this.#connected();
    await this.#bus.declare(exchange);
  }

  async declareQueue(queue: Queue): Promise<void> {
    await this.#connected();
    await this.#bus.declareQueue(queue);
  }

  async publish(to: Address, message: Message, options?: { readonly mandatory?: boolean }): Promise<void> {
    const { rules } = this.#deps;
    await this.#connected();
    const send = () => this.#bus.publish(to, message, options);
    const { requestId } = callerOf(message);
    const hits = rules.decide("bus", () => ({
      where: labelOf(to, message),
      requestId,
      facts: { ...this.#facts(), ...factsOf(to, message) },
    }));
    let isTaken = false;
    for (const { action } of hits) {
      if (action.kind === "repeat") this.#later(action.ms ?? 0, send);
      if (action.kind === "delay") this.#later(action.ms, send);
      if (action.kind === "reorder") this.#wait(to, action.ms ?? overtakenWithinMs, send);
      isTaken ||= action.kind !== "repeat";
    }
    if (isTaken) return;
    await send();
    await this.#overtake(to);
  }

  async consume(
    queue: Queue,
    options: ConsumeOptions,
    handle: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    await this.#connected();
    const line = new HeldLine(() => this.#held(queue), handle);
    return this.#bus.consume(queue, options, (delivery) => line.take(delivery));
  }

  async close(): Promise<void> {
    await this.#bus.close();
  }

  /** Waits while the broker is away, as a client does that connects again. */
  async #connected(): Promise<void> {
    for (;;) {
      const away = this.#deps.rules.holding("bus", () => this.#facts()).find(isAway);
      if (away === undefined) return;
      await away.over;
    }
  }

  /** The end of what holds the queue's deliveries; null when nothing does. */
  #held({ name }: Queue): Promise<void> | null {
    const holding = this.#deps.rules.holding("bus", () => ({ ...this.#facts(), queue: name }));
    return holding[0]?.over ?? null;
  }

  #facts(): Facts {
    const { role, host } = this.#deps.process;
    return { role, host };
  }

  /** On its way, whoever sent it. */
  #later(ms: Millis, send: Publish): void {
    void this.#deps.platform.clock.sleep(ms).then(() => this.#arrive(send));
  }

  #wait(to: Address, ms: Millis, send: Publish): void {
    const waiting = this.#overtaken.get(to.key) ?? new Set();
    this.#overtaken.set(to.key, waiting.add(send));
    this.#later(ms, async () => {
      if (waiting.delete(send)) await send();
    });
  }

  async #overtake({ key }: Address): Promise<void> {
    const waiting = this.#overtaken.get(key);
    if (waiting === undefined) return;
    this.#overtaken.delete(key);
    for (const send of waiting) {
      waiting.delete(send);
      await this.#arrive(send);
    }
  }

  async #arrive(send: Publish): Promise<void> {
    try {
      await send();
    } catch (error) {
      // By then whom it is for may be gone, or the bus, and the message with it.
      if (!isFault(error)) throw error;
      this.#deps.platform.log.debug({ error: error.message }, "a late message arrived nowhere");
    }
  }
}

const isAway = ({ action }: { readonly action: { readonly kind: string } }) => action.kind === "away";

/** Deliveries of one consumer in their order, of which none passes while they are held. */
class HeldLine {
  readonly #held: () => Promise<void> | null;
  readonly #handle: (delivery: Delivery) => void;
  readonly #waiting: Delivery[] = [];

  constructor(held: () => Promise<void> | null, handle: (delivery: Delivery) => void) {
    this.#held = held;
    this.#handle = handle;
  }

  take(delivery: Delivery): void {
    if (this.#waiting.length > 0 || this.#held() !== null) this.#wait(delivery);
    else this.#pass(delivery);
  }

  #wait(delivery: Delivery): void {
    this.#waiting.push(delivery);
    if (this.#waiting.length === 1) void this.#drain();
  }

  async #drain(): Promise<void> {
    for (;;) {
      const held = this.#held();
      if (held !== null) {
        await held;
        continue;
      }
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#pass(next);
      this.#waiting.shift();
    }
  }

  #pass(delivery: Delivery): void {
    onBehalfOf(senderOf(delivery), () => this.#handle(delivery));
  }
}

function senderOf(delivery: Delivery): Caller {
  try {
    return callerOf(delivery.message);
  } catch {
    // It cannot be read, which its handler finds out and deals with.
    return nobody;
  }
}

function factsOf({ exchange, key }: Address, message: Message): Facts {
  const args: unknown =
    typeof message.body === "object" ? Reflect.get(message.body ?? {}, "args") : undefined;
  return {
    queue: key === "" ? exchange : key,
    method: methodOf(message),
    project: callerOf(message).projectId,
    resource: resourcesIn(args),
  };
}

/** `spawn`; what is no call has a word of ours. */
function methodOf({ body }: Message): string {
  const method = textOf(body, "method");
  if (method !== null) return method;
  if (textOf(body, "_msg_id") === null) return "news";
  return typeof body === "object" && body !== null && Reflect.get(body, "ending") === false
    ? "beat"
    : "answer";
}

/** Queues of answers have another name in every process. */
function labelOf(to: Address, message: Message): string {
  const method = methodOf(message);
  return method === "answer" || method === "beat" ? method : `${to.key || to.exchange} ${method}`;
}
