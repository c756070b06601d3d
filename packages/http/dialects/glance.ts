// Glance's errors: the web framework's page, as JSON for clients that accept it.
import { type Dialect, frameworkPage, unauthorized } from "./dialect.ts";

export const glanceDialect: Dialect = {
  malformedBody: "Malformed JSON in request body.",
  wrongMethodStatus: 405,
  wrongTypeStatus: 415,
  wrongType: (_given, accepted) => `Unsupported Content-Type. Accepted: ${accepted}.`,
  denied: (rule) => `You are not authorized to complete ${rule} action.`,
  invalid: ({ message }) => `Provided object does not match schema 'image': ${message}`,
  render: (fault) => (fault.status === 401 ? unauthorized(fault) : frameworkPage(fault)),
};
