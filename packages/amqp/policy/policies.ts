// The policies of a virtual host: of those that match a name and fit what bears it, the one of the highest
// priority counts, and it counts alone.
import type { QueueType } from "../queue/queue-types.ts";
import { NamePattern } from "./name-pattern.ts";
import type { Policy } from "./policy.ts";

/** A policy that sets what its kind of queue does not have is none of that queue's. */
const foreign: Readonly<Record<QueueType, readonly string[]>> = {
  classic: ["delivery-limit", "dead-letter-strategy", "max-in-memory-bytes", "max-in-memory-length"],
  quorum: ["ha-mode", "ha-sync-mode", "queue-master-locator", "queue-mode", "queue-version"],
};

interface Matched {
  readonly policy: Policy;
  readonly pattern: NamePattern;
}

export class Policies {
  /** In the order in which they were first put: between equals the older counts. */
  readonly #byName = new Map<string, Matched>();
  /** The highest priority first. */
  #ranked: readonly Matched[] = [];
  readonly #givenUp: (policy: Policy, name: string) => void;

  /** `givenUp` is called when a pattern takes too long at a name: then it matches no other either. */
  constructor(givenUp: (policy: Policy, name: string) => void) {
    this.#givenUp = givenUp;
  }

  get all(): readonly Policy[] {
    return [...this.#byName.values()].map(({ policy }) => policy);
  }

  find(name: string): Policy | null {
    return this.#byName.get(name)?.policy ?? null;
  }

  put(policy: Policy): void {
    const pattern = new NamePattern(policy.pattern, (name) => this.#givenUp(policy, name));
    this.#byName.set(policy.name, { policy, pattern });
    this.#rank();
  }

  drop(name: string): void {
    this.#byName.delete(name);
    this.#rank();
  }

  ofQueue(name: string, type: QueueType): Policy | null {
    return this.#first("queues", name, ({ definition }) =>
      foreign[type].every((one) => !(one in definition)),
    );
  }

  ofExchange(name: string): Policy | null {
    return this.#first("exchanges", name, () => true);
  }

  #first(kind: Policy["appliesTo"], name: string, fits: (policy: Policy) => boolean): Policy | null {
    const isMeant = ({ policy, pattern }: Matched) =>
      (policy.appliesTo === "all" || policy.appliesTo === kind) && fits(policy) && pattern.matches(name);
    return this.#ranked.find(isMeant)?.policy ?? null;
  }

  #rank(): void {
    this.#ranked = [...this.#byName.values()].sort(
      (one, other) => other.policy.priority - one.policy.priority,
    );
  }
}
