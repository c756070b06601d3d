// Placement's errors: `{"errors": [{"status": 404, "title": "…", "detail": "…", "request_id": "…"}]}`.
import { httpErrors } from "../errors.ts";
import { covers } from "../versions.ts";
import { type Dialect, type FaultView, json, titleOf } from "./dialect.ts";

// What Placement's web framework says of each status before the reason.
const explanations: Readonly<Record<number, string>> = {
  400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
  401: "The request you have made requires authentication.",
  403: "Access was denied to this resource.",
  404: "The resource could not be found.",
  405: "The method specified is not allowed for this resource.",
  406: "The resource could not be generated that was acceptable to your browser.",
  409: "There was a conflict when trying to complete your request.",
  413: "The body of your request was too large for this server.",
  415: "The request media type is not supported by this server.",
  500: "The server has either erred or is incapable of performing the requested operation.",
};

export const placementDialect: Dialect = {
  malformedBody: "Malformed JSON.",
  wrongMethodStatus: 405,
  wrongTypeStatus: 415,
  wrongType: (given) => `The media type ${given} is not supported, use application/json`,
  denied: (rule) => `Policy does not allow ${rule} to be performed.`,
  invalid: ({ where, message }) =>
    where === "body" ? `JSON does not validate: ${message}` : `Invalid query string parameters: ${message}`,
  render(fault) {
    const { status } = fault;
    const explanation = explanations[status] ?? titleOf(status);
    const detail = fault.message === explanation ? `${explanation}` : `${explanation}\n\n ${fault.message}  `;
    const error = {
      status,
      title: titleOf(status),
      detail,
      request_id: fault.requestId,
      ...(covers({ since: "1.23" }, fault.version) ? { code: fault.type ?? "placement.undefined_code" } : {}),
      ...versionsOf(fault),
    };
    const challenge = { "WWW-Authenticate": `Keystone uri="${fault.origin}/identity"` };
    return json({ errors: [error] }, status === 401 ? challenge : {});
  },
};

function versionsOf(fault: FaultView): object {
  if (fault.kind !== httpErrors.versionUnsupported.kind) return {};
  const [, min, max] = fault.params;
  return { max_version: max, min_version: min };
}
