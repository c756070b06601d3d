// Who asks, and under which request: carried by HTTP requests, sagas, messages and log lines alike.
import type { Uuid } from "./ids.ts";

export interface RequestContext {
  /** `req-<uuid>`, as in the header `x-openstack-request-id`. */
  readonly requestId: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly roles: readonly string[];
  readonly isAdmin: boolean;
}

/** The context of what the cloud does by itself. */
export function systemContext(requestId: Uuid): RequestContext {
  return { requestId: `req-${requestId}`, userId: null, projectId: null, roles: ["admin"], isAdmin: true };
}
