// What can go wrong between caller and worker. All but `internal` and `noSuchMethod` say nothing about the
// work itself.
import { errorTable, type Millis } from "@micronova/kit";

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
  internal: { status: 500, text: (message: string) => message },
  closed: { status: 503, retriable: true, text: () => "The process stops and no longer waits for answers." },
});
