// Messages as oslo.messaging forms them: this is the inner message, the envelope around it is the socket
// door's. Keys that only we know begin with an underscore as well, which oslo's dispatcher leaves alone.
import type { Json } from "@micronova/amqp";
import {
  Fault,
  faultFromWire,
  faultToWire,
  type Millis,
  type RequestContext,
  type WireFault,
} from "@micronova/kit";
import type { CallOptions, Fence } from "./contract.ts";
import { rpcErrors } from "./errors.ts";

export interface CallMessage {
  readonly method: string;
  readonly args: unknown;
  readonly version: string;
  readonly namespace: null;
  /** Names this message; a repetition of it carries the same. */
  readonly _unique_id: string;
  /** Absent on casts. */
  readonly _msg_id?: string;
  readonly _reply_q?: string;
  /** In seconds, as in oslo: how much silence the caller bears. */
  readonly _timeout?: number;
  readonly _fence?: Fence;
  readonly _operation?: string;
  readonly _deadline?: Millis;
  readonly _context_request_id: string;
  readonly _context_user_id: string | null;
  readonly _context_project_id: string | null;
  readonly _context_roles: readonly string[];
  readonly _context_is_admin: boolean;
}

/** An answer; with `ending` false it is a beat: the work goes on. `failure` is JSON text, as oslo has it. */
export interface ReplyMessage {
  readonly result: unknown;
  readonly failure: string | null;
  readonly ending: boolean;
  readonly _msg_id: string;
  readonly _unique_id: string;
}

export interface CallSpec {
  readonly method: string;
  readonly args: unknown;
  readonly id: string;
  readonly options: CallOptions;
  /** Null for a cast. */
  readonly reply: { readonly queue: string; readonly timeoutMs: Millis } | null;
}

export function callMessage({ method, args, id, options, reply }: CallSpec): CallMessage {
  const { context, fence, operation, deadline } = options;
  return {
    method,
    args,
    version: "1.0",
    namespace: null,
    _unique_id: id,
    ...(reply === null ? {} : { _msg_id: id, _reply_q: reply.queue, _timeout: reply.timeoutMs / 1000 }),
    ...(fence === undefined ? {} : { _fence: fence }),
    ...(operation === undefined ? {} : { _operation: operation }),
    ...(deadline === undefined ? {} : { _deadline: deadline }),
    _context_request_id: context.requestId,
    _context_user_id: context.userId,
    _context_project_id: context.projectId,
    _context_roles: context.roles,
    _context_is_admin: context.isAdmin,
  };
}

export function contextOf(message: CallMessage): RequestContext {
  return {
    requestId: message._context_request_id,
    userId: message._context_user_id ?? null,
    projectId: message._context_project_id ?? null,
    roles: message._context_roles ?? [],
    isAdmin: message._context_is_admin ?? false,
  };
}

/** The message as the Bus takes it. That arguments and answers are plain JSON is the contract's promise. */
export function asJson(message: CallMessage | ReplyMessage): Json {
  return message as unknown as Json;
}

/** What a queue handed over, if it is a call at all. */
export function readCall(body: Json): CallMessage | null {
  if (typeof body !== "object" || body === null) return null;
  // The keys that are relied upon are checked below; the arguments' form is the contract's promise.
  const call = body as unknown as CallMessage;
  if (typeof call.method !== "string" || typeof call._unique_id !== "string") return null;
  const { _fence: fence } = call;
  if (fence === undefined) return call;
  return typeof fence?.subject === "string" && Number.isSafeInteger(fence.counter) ? call : null;
}

export function readReply(body: Json): ReplyMessage | null {
  if (typeof body !== "object" || body === null) return null;
  // As above: the one key that is relied upon is checked.
  const reply = body as unknown as ReplyMessage;
  return typeof reply._msg_id === "string" ? reply : null;
}

export function failureOf(fault: Fault): string {
  return JSON.stringify({
    class: fault.kind,
    module: "micronova",
    message: fault.message,
    tb: [],
    args: [fault.message],
    kwargs: { fault: faultToWire(fault) },
  });
}

/** Rebuilds the other side's error; what is not ours (a Python worker's) becomes `internal`. */
export function faultOf(failure: string): Fault {
  const { message, kwargs } = JSON.parse(failure) as {
    readonly message?: string;
    readonly kwargs?: { readonly fault?: WireFault };
  };
  if (kwargs?.fault !== undefined) return faultFromWire(kwargs.fault);
  return rpcErrors.internal(message ?? failure);
}

/** Any error as a Fault, so that it can cross. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return rpcErrors.internal(error instanceof Error ? error.message : String(error));
}
