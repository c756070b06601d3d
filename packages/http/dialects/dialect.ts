// How a service words its errors: the interface of a dialect, and what all dialects share.

/** How a service words its errors. */
export interface Dialect {
  render(fault: FaultView): RenderedFault;
  /** The sentence for a rule that the policy refuses. */
  denied(rule: string): string;
  /** The sentence for what a schema refuses. */
  invalid(problem: Problem): string;
  /** The sentence for a body that is no JSON. */
  readonly malformedBody: string;
  /** The sentence for a body of another type; keystone calls that 400. */
  wrongType(given: string, accepted: string): string;
  readonly wrongTypeStatus: 400 | 415;
  /** Where the framework answers a known path's wrong method as an unknown path: 404. */
  readonly wrongMethodStatus: 404 | 405;
}

export interface RenderedFault {
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FaultView {
  readonly status: number;
  readonly message: string;
  readonly type: string | null;
  readonly requestId: string;
  /** `<package>.<row>` of the error's table; null for what must not happen. */
  readonly kind: string | null;
  readonly params: readonly unknown[];
  /** The client's `Accept`, for dialects that answer HTML. */
  readonly accept: string;
  readonly version: string;
  readonly origin: string;
  /** When to come again, in seconds; null tells nothing of it, and absent leaves it to the dialect. */
  readonly retryAfter?: number | null;
}

/** What a schema refused. */
export interface Problem {
  readonly where: "body" | "query";
  readonly keyword: string;
  /** Names and indices from the root to the refused value. */
  readonly path: readonly string[];
  readonly value: unknown;
  /** As Python's jsonschema words it: `'' is too short`. */
  readonly message: string;
  /** The names that are missing or unexpected. */
  readonly names: readonly string[];
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Request Entity Too Large",
  415: "Unsupported Media Type",
  416: "Requested Range Not Satisfiable",
  422: "Unprocessable Entity",
  428: "Precondition Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  507: "Insufficient Storage",
};

export function titleOf(status: number): string {
  return titles[status] ?? "Error";
}

export function json(body: unknown, headers?: Readonly<Record<string, string>>): RenderedFault {
  return {
    contentType: "application/json",
    body: JSON.stringify(body),
    ...(headers === undefined ? {} : { headers }),
  };
}

/** What keystonemiddleware answers for every service when the token is missing or not valid. */
export function unauthorized(fault: FaultView): RenderedFault {
  return json(
    { error: { code: 401, title: "Unauthorized", message: fault.message } },
    { "WWW-Authenticate": `Keystone uri="${fault.origin}/identity"` },
  );
}

/** The page of OpenStack's web framework: HTML, or the same as JSON for clients that ask for it. */
export function frameworkPage(fault: FaultView): RenderedFault {
  const title = titleOf(fault.status);
  if (fault.accept.includes("application/json")) {
    return json({
      message: `${escapeHtml(fault.message)}<br /><br />\n\n\n`,
      code: `${fault.status} ${title}`,
      title,
    });
  }
  const body = `<html>
 <head>
  <title>${fault.status} ${title}</title>
 </head>
 <body>
  <h1>${fault.status} ${title}</h1>
  ${escapeHtml(fault.message)}<br /><br />


 </body>
</html>`;
  return { contentType: "text/html; charset=UTF-8", body };
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
