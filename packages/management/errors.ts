// What the management API refuses. Statuses, words and sentences are RabbitMQ's, since its tools match on
// them: its sentences have no full stop.
import { httpErrors } from "@micronova/http/plain";
import { errorTable, type Fault } from "@micronova/kit";

export const managementErrors = errorTable("management", {
  loginFailed: { status: 401, text: () => "Login failed" },
  notLocal: { status: 401, text: () => "User can only log in via localhost" },
  notAllowed: { status: 401, text: (why: string) => why },
  noObject: { status: 404, text: () => "Not Found" },
  notFound: { status: 404, text: (why: string) => why },
  badRequest: { status: 400, text: (why: string) => why },
  badPages: {
    status: 400,
    text: (page: string, size: string) =>
      `Invalid pagination parameters: page number ${page}, page size ${size}`,
  },
  pageOutOfRange: {
    status: 400,
    text: (page: number, size: number, length: number) =>
      `Page out of range, page: ${page} page size: ${size}, len: ${length}`,
  },
  notAlive: { status: 503, text: () => "The message that was published did not come out of its queue" },
  wrongMethod: { status: 405, text: (method: string) => `${method} is not what this address is for` },
  unsupported: {
    status: 501,
    text: (what: string, instead: string) => `${what} is not supported. ${instead}`,
  },
});

const words: Readonly<Record<string, string>> = {
  [managementErrors.loginFailed.kind]: "not_authorized",
  [managementErrors.notLocal.kind]: "not_authorised",
  [managementErrors.notAllowed.kind]: "not_authorised",
  [managementErrors.noObject.kind]: "Object Not Found",
  [managementErrors.notFound.kind]: "not_found",
  [managementErrors.badPages.kind]: "invalid_pagination_parameters",
  [managementErrors.pageOutOfRange.kind]: "page_out_of_range",
  [managementErrors.notAlive.kind]: "failed",
  [httpErrors.bodyTooLarge.kind]: "payload_too_large",
  [managementErrors.wrongMethod.kind]: "method_not_allowed",
  [managementErrors.unsupported.kind]: "not_implemented",
};

/** The body of a refusal. */
export function errorBody({ kind, message }: Fault): { readonly error: string; readonly reason: string } {
  return { error: words[kind] ?? "bad_request", reason: message };
}
