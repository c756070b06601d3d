// What can go wrong between caller and worker. Only `internal` and `remote` come out of the work itself.
import { errorTable, isFault, type Millis } from "@micronova/kit";

export const rpcErrors = errorTable("rpc", {
  timeout: {
    status: 504,
    retriable: true,
    text: (target: string, method: string, silentMs: Millis) =>
      `'${target}' gave no sign of life within ${silentMs} ms of being asked to ${method}.`,
  },
  late: {
    status: 504,
    retriable: true,
    text: (target: string, method: string) =>
      `'${target}' was asked to ${method} too late; the call's deadline had passed.`,
  },
  unreachable: {
    status: 503,
    retriable: true,
    text: (target: string) => `Nobody has ever answered as '${target}'; is its service running?`,
  },
  fenced: {
    status: 409,
    text: (subject: string, counter: number, seen: number) =>
      `The call ${counter} on ${subject} comes too late; ${seen} was there before it.`,
  },
  noSuchMethod: {
    status: 500,
    text: (target: string, method: string) =>
      `'${target}' has no method ${method}; is it of another version?`,
  },
  unsupportedVersion: {
    status: 500,
    text: (target: string, wanted: string, spoken: string) =>
      `'${target}' was asked in version ${wanted} of its contract and speaks ${spoken}.`,
  },
  /** A Python service's exception: its class and its message. */
  remote: { status: 500, text: (className: string, message: string) => `${className}: ${message}` },
  notACall: { status: 400, text: (why: string) => `The message is no call: ${why}.` },
  notAnAnswer: { status: 400, text: () => "The message answers no call: it has no _msg_id." },
  redelivered: {
    status: 500,
    text: (count: number) => `The message came back ${count} times without having been settled.`,
  },
  internal: { status: 500, text: (message: string) => message },
  closed: { status: 503, retriable: true, text: () => "The process stops and no longer waits for answers." },
});

const unanswered: ReadonlySet<string> = new Set(
  [rpcErrors.timeout, rpcErrors.unreachable, rpcErrors.late].map(({ kind }) => kind),
);

/** Whether nobody said anything to a call: it may have been done or not. By the error or its kind. */
export function wasUnanswered(error: unknown): boolean {
  if (typeof error === "string") return unanswered.has(error);
  return isFault(error) && unanswered.has(error.kind);
}
