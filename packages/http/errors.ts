// What can go wrong before a handler runs. Dialects may reword these by their kind; the texts here are
// Nova's.
import { errorTable } from "@micronova/kit";

export const httpErrors = errorTable("http", {
  noRoute: { status: 404, text: () => "The resource could not be found." },
  wrongMethod: {
    status: 405,
    text: (method: string, _allowed: string) => `The method ${method} is not allowed for this resource.`,
  },
  versionMalformed: {
    status: 400,
    text: (version: string) =>
      `API Version String ${version} is of invalid format. Must be of format MajorNum.MinorNum.`,
  },
  versionUnsupported: {
    status: 406,
    text: (version: string, min: string, max: string) =>
      `Version ${version} is not supported by the API. Minimum is ${min} and maximum is ${max}.`,
  },
  unauthorized: { status: 401, text: () => "The request you have made requires authentication." },
  forbidden: { status: 403, text: (rule: string) => `Policy doesn't allow ${rule} to be performed.` },
  projectMismatch: {
    status: 400,
    text: (asked: string, own: string) =>
      `Malformed request URL: URL's project_id '${asked}' doesn't match Context's project_id '${own}'.`,
  },
  bodyTooLarge: { status: 413, text: () => "Request is too large." },
  clientLeft: { status: 400, text: () => "The request ended before all of its body had arrived." },
  bodyMalformed: { status: 400, text: () => "Malformed request body" },
  bodyType: {
    status: 415,
    text: (_given: string, _accepted: string) => "Unsupported Content-Type",
  },
  invalid: { status: 400, text: (message: string) => message },
  noAction: { status: 400, text: (name: string) => `There is no such action: ${name}.` },
  badLimit: {
    status: 400,
    text: (value: string) => `limit '${value}' must be a whole number, zero or more.`,
  },
  noMarker: { status: 400, text: (marker: string) => `marker [${marker}] not found` },
  portTaken: {
    status: 500,
    text: (host: string, port: number) =>
      `Port ${port} on ${host} is already in use; stop the program that uses it or choose another with --port.`,
  },
  notListening: {
    status: 500,
    text: (host: string, port: number, why: string) => `Cannot listen on ${host}, port ${port}: ${why}.`,
  },
});
