// A contract is one table from which the client's proxy and the server's dispatcher both follow: a missing
// handler or a wrong argument is a type error.
import type { Json } from "@micronova/amqp";
import type { Millis, RequestContext, Service } from "@micronova/kit";

/** A method of a contract; its type parameters are the arguments (plain JSON) and the answer. */
export interface Method<A, R> {
  /** How long the caller waits without any sign of life; the worker's progress beats reset it. */
  readonly timeoutMs: Millis;
  readonly _args?: A;
  readonly _result?: R;
}
export function method<A, R = void>(options: { readonly timeoutMs: Millis }): Method<A, R> {
  return options;
}

// biome-ignore lint/suspicious/noExplicitAny: stands for every method, whatever its types.
type Methods = Readonly<Record<string, Method<any, any>>>;

/**
 * What a role answers to. `topic` is the queue's name (`scheduler`, `conductor`), or its prefix for one host
 * (`compute` → `compute.h1`).
 */
export interface Contract<M extends Methods = Methods> {
  readonly topic: string;
  readonly methods: M;
  /** `major.minor`: a call of another major version, or of a later minor one, is refused. */
  readonly version: string;
  readonly namespace: string | null;
}

export interface ContractOptions {
  /** Default 1.0. */
  readonly version?: string;
  /** What tells apart several contracts on one topic of a Python server. Default: none. */
  readonly namespace?: string;
}

export function contract<M extends Methods>(
  topicName: string,
  methods: M,
  { version = "1.0", namespace }: ContractOptions = {},
): Contract<M> {
  return { topic: topicName, methods, version, namespace: namespace ?? null };
}

type ArgsOf<T> = T extends Method<infer A, unknown> ? A : never;
type ResultOf<T> = T extends Method<never, infer R> ? R : T extends Method<infer _A, infer R> ? R : never;

/**
 * The typed proxy: each call is one message and one reply. Throws the Fault of the other side, or
 * `rpcErrors.timeout` (retriable).
 */
export type Calls<C extends Contract> = {
  readonly [K in keyof C["methods"]]: (args: ArgsOf<C["methods"][K]>) => Promise<ResultOf<C["methods"][K]>>;
};

export type CastCalls<C extends Contract> = {
  readonly [K in keyof C["methods"]]: (args: ArgsOf<C["methods"][K]>) => Promise<void>;
};

/** What a handler knows of its call besides the arguments. */
export interface CallInfo {
  readonly context: RequestContext;
  /** Present on calls made by a saga step: names the step's one try, the same when it is repeated. */
  readonly operation: string | null;
}

export type Handlers<C extends Contract> = {
  readonly [K in keyof C["methods"]]: (
    args: ArgsOf<C["methods"][K]>,
    info: CallInfo,
  ) => Promise<ResultOf<C["methods"][K]>>;
};

/**
 * Guards against late and repeated messages. A worker refuses a call whose fence is lower than the highest it
 * has seen for the subject, and runs calls of one subject one after another.
 */
export interface Fence {
  /** `server:<id>`, `volume:<id>`: the lane. */
  readonly subject: string;
  readonly counter: number;
}

export interface CallOptions {
  readonly context: RequestContext;
  readonly fence?: Fence;
  readonly operation?: string;
  /** By the caller's monotonic clock; the call is dropped unheard after it. */
  readonly deadline?: Millis;
}

/** Where a worker remembers the highest fence it has seen for each subject, across restarts. */
export interface FenceStore {
  /** 0 when it has seen none. */
  seen(subject: string): number;
  /** Durable when it resolves. */
  raise(subject: string, counter: number): Promise<void>;
}

export interface ServeOptions {
  /** Default: a memory that ends with the process. */
  readonly fences?: FenceStore;
  /** How many messages may be in hand at once. Default 64. */
  readonly prefetch?: number;
  /** How many of them are worked on at once; the others wait, and their callers know it. Default all. */
  readonly atOnce?: number;
}

export interface Topic<E> {
  readonly name: string;
  readonly _event?: E;
}
export function topic<E extends Json>(name: string): Topic<E> {
  return { name };
}

export interface Rpc {
  /** Calls the worker of one host: `rpc.on(computeWorker, "h1", options).spawn({ … })`. */
  on<C extends Contract>(contract: C, host: string, options: CallOptions): Calls<C>;
  /** Calls any one process of the role. */
  any<C extends Contract>(contract: C, options: CallOptions): Calls<C>;
  /** As `any`, without waiting: resolves when the broker has the message. */
  cast<C extends Contract>(contract: C, options: CallOptions): CastCalls<C>;
  /** A cast to every process that answers to the contract's topic, whatever its host. */
  fanout<C extends Contract>(contract: C, options: CallOptions): CastCalls<C>;
  /** Answers for one host (`host` given) or as one of many competing processes (`host` null). */
  serve<C extends Contract>(
    contract: C,
    host: string | null,
    handlers: Handlers<C>,
    options?: ServeOptions,
  ): Service;
  /** To every listener of the topic, once there is a bus. Nobody waits for it, or hears of a failure. */
  announce<E>(topic: Topic<E>, event: E): Promise<void>;
  listen<E>(topic: Topic<E>, handle: (event: E) => void): Service;
  /** Ends what waits for an answer with `rpcErrors.closed`. The bus is its owner's to close. */
  close(): Promise<void>;
}
