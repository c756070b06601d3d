// Neutron's errors: `{"NeutronError": {"type": "NetworkNotFound", "message": "…", "detail": ""}}`.
import { type Dialect, json, type Problem, unauthorized } from "./dialect.ts";

// The type of what no exception of Neutron's own names.
const types: Readonly<Record<number, string>> = {
  400: "HTTPBadRequest",
  403: "PolicyNotAuthorized",
  404: "HTTPNotFound",
  405: "HTTPMethodNotAllowed",
  409: "HTTPConflict",
  412: "HTTPPreconditionFailed",
  413: "HTTPRequestEntityTooLarge",
  415: "HTTPUnsupportedMediaType",
  501: "HTTPNotImplemented",
  503: "HTTPServiceUnavailable",
};

export const neutronDialect: Dialect = {
  malformedBody:
    "The server could not comply with the request since it is either malformed or otherwise incorrect.",
  wrongMethodStatus: 405,
  wrongTypeStatus: 415,
  wrongType: (given) => `Unsupported Content-Type '${given}'.`,
  denied: (rule) => `(rule:${rule}) is disallowed by policy`,
  invalid: describe,
  render(fault) {
    if (fault.status === 401) return unauthorized(fault);
    const type = fault.type ?? types[fault.status] ?? "HTTPInternalServerError";
    return json({ NeutronError: { type, message: fault.message, detail: "" } });
  },
};

function describe({ keyword, path, message, names }: Problem): string {
  const [name = ""] = names;
  if (keyword === "required" && path.length <= 1) {
    return path.length === 0
      ? `Resource body required: '${name}' is not specified.`
      : `Failed to parse request. Required attribute '${name}' not specified`;
  }
  if (keyword === "additionalProperties") {
    return `Unrecognized attribute(s) '${names.join("', '")}'`;
  }
  return `Invalid input for ${path.at(-1) ?? "body"}. Reason: ${message}.`;
}
