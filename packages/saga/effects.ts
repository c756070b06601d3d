// What a step reaches the world through, and how long it may take: its calls carry operation, fence and
// deadline by themselves, and none is made or waited for once the step was interrupted.
import type { Millis, RequestContext, Uuid } from "@micronova/kit";
import type { CallOptions, Calls, Contract, Rpc } from "@micronova/rpc";
import type { Store } from "@micronova/store";
import type { StepEnv, Subject } from "./index.ts";
import { laneOf } from "./journal.ts";
import type { Move } from "./next-move.ts";

export interface EffectDeps {
  readonly rpc: Rpc;
  readonly store: Store;
}

/** A step that is being done or undone. */
export interface Effect {
  readonly move: Extract<Move, { readonly kind: "do" | "undo" }>;
  readonly sagaId: Uuid;
  readonly subject: Subject;
  readonly request: RequestContext;
  readonly deadline: Millis;
  readonly signal: AbortSignal;
}

export function stepEnv(deps: EffectDeps, effect: Effect): StepEnv {
  const { signal } = effect;
  const options = callOptions(effect);
  return {
    rpc: {
      on: (contract, host) => interruptible(contract, deps.rpc.on(contract, host, options), signal),
      any: (contract) => interruptible(contract, deps.rpc.any(contract, options), signal),
    },
    store: { read: deps.store.read },
    signal,
  };
}

/** The promise's outcome, or the signal's reason if that comes first. */
export function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function callOptions({ move, sagaId, subject, request, deadline }: Effect): CallOptions {
  const { step, attempt, kind, fence } = move;
  // A query is neither recorded nor repeated under one name, so it has no operation and needs no fence.
  if (fence === null) return { context: request, deadline };
  const operation = `${sagaId}/${step.name}/${attempt}/${kind}`;
  return { context: request, deadline, operation, fence: { subject: laneOf(subject), counter: fence } };
}

/** The same calls; after an interruption they are neither sent nor waited for. */
function interruptible<C extends Contract>(contract: C, calls: Calls<C>, signal: AbortSignal): Calls<C> {
  const wrapped = Object.keys(contract.methods).map((name) => {
    const call = (args: never) => {
      signal.throwIfAborted();
      return unlessAborted(signal, calls[name]!(args));
    };
    return [name, async (args: never) => call(args)] as const;
  });
  // One function for each method of the contract, each with that method's own arguments and answer.
  return Object.fromEntries(wrapped) as unknown as Calls<C>;
}
