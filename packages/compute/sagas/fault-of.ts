// A step's failure as the fault that a server shows: what happened, what can be done about it, and by which
// names an administrator finds the rest.
import type { RequestContext, Uuid } from "@micronova/kit";
import type { StepError } from "@micronova/saga";
import { errors } from "../errors.ts";
import type { ServerFault } from "../server-state.ts";

export interface FaultContext {
  readonly params: { readonly serverId: Uuid };
  readonly request: RequestContext;
}

export function faultOf(cause: StepError, { params, request }: FaultContext): Omit<ServerFault, "created"> {
  const { kind, status, message } = cause;
  return explained({ kind, status, message }, params.serverId, request);
}

/** The sentence stays first, since clients look at how it begins. */
export function explained(
  { kind, status, message }: Pick<StepError, "kind" | "status" | "message">,
  serverId: Uuid,
  { requestId }: RequestContext,
): Omit<ServerFault, "created"> {
  const where = `Server ${serverId}, request ${requestId}.`;
  return { code: status, message: `${message} ${adviceFor(kind)} ${where}`, details: kind };
}

const advice: Readonly<Record<string, string>> = {
  [errors.noValidHost.kind]: "Choose a smaller flavor or another zone, or ask an administrator for room.",
  [errors.candidatesTaken.kind]: "Others took the room: delete the server and create it again.",
  [errors.retriesExhausted.kind]:
    "Delete the server and create it again; if that fails too, tell an administrator.",
  [errors.buildLost.kind]: "Delete the server and create it again.",
  [errors.wasReset.kind]: "Ask the administrator why.",
  [errors.guestMissing.kind]: "Delete the server; what is on its volumes is still there.",
};

function adviceFor(kind: string): string {
  return advice[kind] ?? "Try again; if it fails again, tell an administrator the request.";
}
