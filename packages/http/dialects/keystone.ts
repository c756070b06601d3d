// Keystone's errors: `{"error": {"code": 404, "message": "…", "title": "Not Found"}}`.
import { type Dialect, json, titleOf, unauthorized } from "./dialect.ts";

const assumed =
  "The server could not comply with the request since it is either malformed or otherwise incorrect." +
  " The client is assumed to be in error.";

// Every answer of Keystone depends on who asks, and says so to caches.
const vary = { Vary: "X-Auth-Token" };

export const keystoneDialect: Dialect = {
  malformedBody: `Expecting to find valid JSON in request body. ${assumed}`,
  wrongMethodStatus: 405,
  wrongTypeStatus: 400,
  wrongType: (_given, accepted) => `Expecting to find ${accepted} in Content-Type header. ${assumed}`,
  denied: (rule) => `You are not authorized to perform the requested action: ${rule}.`,
  invalid: ({ path, message }) =>
    path.length === 0 ? message : `Invalid input for field '${path.join("/")}': ${message}`,
  render(fault) {
    if (fault.status === 401) {
      const middleware = unauthorized(fault);
      return { ...middleware, headers: { ...middleware.headers, ...vary } };
    }
    const { status: code, message } = fault;
    return json({ error: { code, message, title: titleOf(code) } }, vary);
  },
};
