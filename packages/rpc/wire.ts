// Messages as oslo.messaging forms them: this is the inner message, the envelope around it is the socket
// door's. Keys that only we know begin with an underscore as well, which oslo's dispatcher leaves alone.
import type { Json } from "@micronova/amqp";
import type { Millis, RequestContext, Span } from "@micronova/kit";
import type { CallOptions, Contract, Fence } from "./contract.ts";
import { rpcErrors } from "./errors.ts";

export interface CallMessage extends ContextKeys {
  readonly method: string;
  readonly args: unknown;
  /** Default 1.0, as with Python's clients. */
  readonly version?: string;
  readonly namespace?: string | null;
  /** Names this message; a repetition of it carries the same. */
  readonly _unique_id: string;
  /** Absent on casts. */
  readonly _msg_id?: string;
  readonly _reply_q?: string;
  /** In seconds, as in oslo: how much silence the caller bears. A caller without it takes no beats. */
  readonly _timeout?: number | null;
  readonly _fence?: Fence;
  readonly _operation?: string;
  /**
   * How long after it was sent it is worth doing. Not a time of day: the clocks of two machines may differ.
   * What it spends in a queue is the broker's to count.
   */
  readonly _time_left?: Millis;
  /** Somebody wants to know what took how long. */
  readonly _traced?: true;
}

/** Who asks. What a Python client does not know of its caller is absent. */
export interface ContextKeys {
  readonly _context_request_id?: string;
  readonly _context_user_id?: string | null;
  readonly _context_project_id?: string | null;
  readonly _context_roles?: readonly string[];
  readonly _context_is_admin?: boolean;
}

/** An answer; with `ending` false it is a beat: the work goes on. `failure` is JSON text, as oslo has it. */
export interface ReplyMessage {
  readonly result: unknown;
  readonly failure: string | null;
  readonly ending: boolean;
  readonly _msg_id: string;
  readonly _unique_id: string;
  /** What took how long, where the call is traced. */
  readonly _spans?: readonly Span[];
}

export interface CallSpec {
  readonly contract: Pick<Contract, "version" | "namespace">;
  readonly method: string;
  readonly args: unknown;
  readonly id: string;
  readonly options: CallOptions;
  /** Null for a cast. */
  readonly reply: { readonly queue: string; readonly timeoutMs: Millis } | null;
  /** Until the call's deadline; null when it has none. */
  readonly timeLeftMs: Millis | null;
  readonly isTraced: boolean;
}

export function callMessage(spec: CallSpec): CallMessage {
  const { contract, method, args, id, options, reply, timeLeftMs, isTraced } = spec;
  const { context, fence, operation } = options;
  return {
    method,
    args: args ?? {},
    version: contract.version,
    namespace: contract.namespace,
    _unique_id: id,
    ...(reply === null ? {} : { _msg_id: id, _reply_q: reply.queue, _timeout: seconds(reply.timeoutMs) }),
    ...(fence === undefined ? {} : { _fence: fence }),
    ...(operation === undefined ? {} : { _operation: operation }),
    ...(timeLeftMs === null ? {} : { _time_left: timeLeftMs }),
    ...(isTraced ? { _traced: true } : {}),
    ...contextKeys(context),
  };
}

/** Python's servers take whole seconds. */
function seconds(ms: Millis): number {
  return Math.ceil(ms / 1000);
}

export function contextKeys(context: RequestContext): ContextKeys {
  return {
    _context_request_id: context.requestId,
    _context_user_id: context.userId,
    _context_project_id: context.projectId,
    _context_roles: context.roles,
    _context_is_admin: context.isAdmin,
  };
}

/** A context of the types we rely on, whatever the caller wrote. */
export function contextOf(message: CallMessage): RequestContext {
  const { _context_request_id: requestId, _context_roles: roles } = message;
  return {
    requestId: textOr(requestId, `req-${message._unique_id}`),
    userId: textOr(message._context_user_id, null),
    projectId: textOr(message._context_project_id, null),
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === "string") : [],
    isAdmin: message._context_is_admin === true,
  };
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === "string" ? value : otherwise;
}

/** The message as the Bus takes it. That arguments and answers are plain JSON is the contract's promise. */
export function asJson(message: CallMessage | ReplyMessage): Json {
  return message as unknown as Json;
}

/** What a queue handed over; throws `rpcErrors.notACall` when it is something else. */
export function readCall(body: Json): CallMessage {
  if (!isObject(body)) throw rpcErrors.notACall("it is no JSON object");
  // The keys that are relied upon are checked below; the arguments' form is the contract's promise.
  const call = body as unknown as CallMessage;
  if (typeof call.method !== "string") throw rpcErrors.notACall("it has no method");
  if (typeof call._unique_id !== "string") throw rpcErrors.notACall("it has no _unique_id");
  if (!isObject(call.args ?? {})) throw rpcErrors.notACall("its args are no JSON object");
  const { _fence: fence } = call;
  if (fence !== undefined && !(typeof fence?.subject === "string" && Number.isSafeInteger(fence.counter)))
    throw rpcErrors.notACall("its fence has no subject or counter");
  return call;
}

export function readReply(body: Json): ReplyMessage {
  // As above: the one key that is relied upon is checked.
  const reply = body as unknown as ReplyMessage;
  if (!isObject(body) || typeof reply._msg_id !== "string") throw rpcErrors.notAnAnswer();
  return reply;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a contract of version `spoken` answers calls of version `wanted`, by oslo.messaging's rule. */
export function isCompatible(spoken: string, wanted: unknown): boolean {
  if (spoken === wanted) return true;
  if (typeof wanted !== "string") return false;
  const [major, minor, revision] = numbersOf(spoken);
  const [wantedMajor, wantedMinor, wantedRevision] = numbersOf(wanted);
  if (wantedMajor !== major) return false;
  return wantedMinor === minor ? wantedRevision <= revision : wantedMinor < minor;
}

/** Not a number where there is none, which is compatible with nothing. */
function numbersOf(version: string): readonly [number, number, number] {
  const [major, minor = "0", revision = "0"] = version.split(".");
  return [Number(major), Number(minor), Number(revision)];
}
