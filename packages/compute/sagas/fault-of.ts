// A step's failure as the fault that a server shows.
import type { StepError } from "@micronova/saga";
import type { ServerFault } from "../server-state.ts";

export function faultOf(cause: StepError): Omit<ServerFault, "created"> {
  return { code: cause.status, message: cause.message, details: cause.kind };
}
