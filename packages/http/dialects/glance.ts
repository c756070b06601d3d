// Glance's errors: the web framework's page, as JSON for clients that accept it.
import { httpErrors } from "../errors.ts";
import { type Dialect, frameworkPage, unauthorized } from "./dialect.ts";

export const glanceDialect: Dialect = {
  malformedBody: "Malformed JSON in request body.",
  wrongMethodStatus: 405,
  wrongTypeStatus: 415,
  wrongType: (_given, accepted) => `Unsupported Content-Type. Accepted: ${accepted}.`,
  denied: (rule) => `You are not authorized to complete ${rule} action.`,
  invalid: ({ message }) => `Provided object does not match schema 'image': ${message}`,
  render(fault) {
    if (fault.status === 401) return unauthorized(fault);
    const page = frameworkPage(fault);
    if (fault.kind !== httpErrors.bodyType.kind) return page;
    // Which types a PATCH may have.
    return { ...page, headers: { "Accept-Patch": String(fault.params[1]) } };
  },
};
