// Nova's and Cinder's errors: `{"itemNotFound": {"code": 404, "message": "…"}}`.
import { httpErrors } from "../errors.ts";
import { str } from "../wording.ts";
import { type Dialect, frameworkPage, json, type Problem, unauthorized } from "./dialect.ts";

const names: Readonly<Record<number, string>> = {
  400: "badRequest",
  401: "unauthorized",
  403: "forbidden",
  404: "itemNotFound",
  405: "badMethod",
  409: "conflictingRequest",
  413: "overLimit",
  415: "badMediaType",
  429: "overLimit",
  501: "notImplemented",
  503: "serviceUnavailable",
};

export const novaDialect: Dialect = {
  malformedBody: "Malformed request body",
  wrongMethodStatus: 404,
  wrongTypeStatus: 415,
  wrongType: () => "Unsupported Content-Type",
  denied: (rule) => `Policy doesn't allow ${rule} to be performed.`,
  invalid: describe,
  render(fault) {
    // Cinder raises 401s of its own in its error form; those of the token check are the middleware's.
    if (fault.status === 401) return unauthorized(fault);
    if (fault.kind === httpErrors.noRoute.kind) return frameworkPage(fault);
    // Over a limit: the client is told when to come back.
    const isLimited = fault.status === 413 || fault.status === 429;
    const retryAfter = isLimited && fault.retryAfter !== null ? String(fault.retryAfter ?? 0) : null;
    const detail = {
      code: fault.status,
      message: fault.message,
      ...(retryAfter === null ? {} : { retryAfter }),
    };
    return json(
      { [names[fault.status] ?? "computeFault"]: detail },
      retryAfter === null ? {} : { "Retry-After": retryAfter },
    );
  },
};

function describe({ where, path, value, message }: Problem): string {
  const name = path.at(-1);
  if (name === undefined) return message;
  const place = where === "body" ? "field/attribute" : "query parameters";
  return `Invalid input for ${place} ${name}. Value: ${str(value)}. ${message}`;
}
