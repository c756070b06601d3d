// What a step reaches the world through, and how long it may take: its calls carry operation, fence and
// deadline by themselves, are made again for a while when nobody answers, and none is made or waited for once
// the step was interrupted.
import type { Clock, Millis, Platform, RequestContext, Uuid } from "@micronova/kit";
import { type CallOptions, type Calls, type Contract, type Rpc, wasUnanswered } from "@micronova/rpc";
import type { Store } from "@micronova/store";
import type { StepEnv, Subject } from "./index.ts";
import { laneOf } from "./journal.ts";
import type { Move } from "./next-move.ts";

export interface EffectDeps {
  readonly platform: Platform;
  readonly rpc: Rpc;
  readonly store: Store;
}

/** A step that is being done or undone. */
export interface Effect {
  readonly move: Extract<Move, { readonly kind: "do" | "undo" }>;
  readonly sagaId: Uuid;
  readonly subject: Subject;
  readonly request: RequestContext;
  /** Monotonic. */
  readonly deadline: Millis;
  readonly signal: AbortSignal;
}

// Whoever was asked may be starting, or the message was lost: workers come back within this. What is asked
// again carries the same operation and fence, so it does not matter whether it was heard the first time.
const doPatienceMs: Millis = 30_000;
const askAgainAfterMs: Millis = 1_000;

export function stepEnv(deps: EffectDeps, effect: Effect): StepEnv {
  const { signal } = effect;
  const { clock } = deps.platform;
  const options = callOptions(effect);
  // What is undone is tried for ever in any case.
  const patience = { clock, signal, patienceMs: effect.move.kind === "do" ? doPatienceMs : 0 };
  return {
    rpc: {
      on: (contract, host) => persistent(contract, deps.rpc.on(contract, host, options), patience),
      any: (contract) => persistent(contract, deps.rpc.any(contract, options), patience),
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

interface Patience {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** For how long a call that nobody answers is made again. */
  readonly patienceMs: Millis;
}

/** The same calls, made again while nobody answers; after an interruption neither sent nor waited for. */
function persistent<C extends Contract>(
  contract: C,
  calls: Calls<C>,
  { clock, signal, patienceMs }: Patience,
): Calls<C> {
  const wrapped = Object.keys(contract.methods).map((name) => {
    const ask = async (args: never) => {
      for (const since = clock.monotonic(); ; await clock.sleep(askAgainAfterMs, signal)) {
        signal.throwIfAborted();
        try {
          return await unlessAborted(signal, calls[name]!(args));
        } catch (error) {
          if (!wasUnanswered(error) || clock.monotonic() - since >= patienceMs) throw error;
        }
      }
    };
    return [name, ask] as const;
  });
  // One function for each method of the contract, each with that method's own arguments and answer.
  return Object.fromEntries(wrapped) as unknown as Calls<C>;
}
