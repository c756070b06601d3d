// Turns what was thrown into the service's own words. What must not happen is logged once, with the request's
// id, and the client learns the id only.
import { Fault, isFault, type Platform } from "@micronova/kit";
import type { Dialect } from "./dialects/dialect.ts";
import { httpErrors } from "./errors.ts";
import type { Answer, Incoming } from "./service.ts";

interface Failed {
  readonly options: { readonly name: string; readonly dialect: Dialect };
  readonly platform: Platform;
  readonly incoming: Incoming;
  readonly requestId: string;
  readonly version: string;
}

export function faultAnswer(error: unknown, failed: Failed): Answer {
  const { options, platform, incoming, requestId, version } = failed;
  const cause = hasLeft(incoming) && !isFault(error) ? httpErrors.clientLeft() : error;
  const shown = isFault(cause) && cause.status !== 500 ? inDialect(cause, options.dialect) : null;
  if (shown === null) reportInternal(error, failed);
  const rendered = options.dialect.render({
    status: shown?.status ?? 500,
    message:
      shown?.message ??
      `The server met an error it did not expect. Its log has the reason under ${requestId}.`,
    type: shown?.type ?? null,
    kind: shown?.kind ?? null,
    params: shown?.params ?? [],
    requestId,
    version,
    accept: incoming.headers.accept ?? "",
    origin: incoming.origin,
  });
  platform.metrics.count("micronova_http_faults_total", {
    service: options.name,
    kind: shown?.kind ?? "internal",
  });
  const headers: Record<string, string> = { "Content-Type": rendered.contentType, ...rendered.headers };
  if (isFault(error, httpErrors.wrongMethod) && shown?.status === 405)
    headers["Allow"] = String(error.params[1]);
  return { status: shown?.status ?? 500, headers, body: rendered.body };
}

/** The kit's own faults as the dialect words them; others say what their tables say. */
function inDialect(fault: Fault, dialect: Dialect): Fault {
  const reworded = (status: number, message: string, kind = fault.kind) =>
    new Fault({ kind, status, message, retriable: false, type: fault.type, params: fault.params });
  const [first, second] = fault.params.map(String);
  if (isFault(fault, httpErrors.forbidden)) return reworded(403, dialect.denied(first ?? ""));
  if (isFault(fault, httpErrors.bodyMalformed)) return reworded(400, dialect.malformedBody);
  if (isFault(fault, httpErrors.bodyType)) {
    return reworded(dialect.wrongTypeStatus, dialect.wrongType(first ?? "", second ?? ""));
  }
  if (isFault(fault, httpErrors.wrongMethod) && dialect.wrongMethodStatus === 404) {
    const none = httpErrors.noRoute();
    return reworded(404, none.message, none.kind);
  }
  return fault;
}

/**
 * Whether the client went away in the middle of its upload: no error of ours, and nobody hears the answer.
 */
function hasLeft({ stream }: Incoming): boolean {
  return stream.destroyed && stream.errored !== null;
}

function reportInternal(error: unknown, { platform, incoming, requestId, options }: Failed): void {
  const fields = { requestId, service: options.name, method: incoming.method, path: incoming.path, error };
  platform.log.error(fields, "request failed");
}
