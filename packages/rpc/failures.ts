// Errors as oslo.messaging's answers carry them: JSON text with the exception's class, module and message. A
// Python client without our classes makes a RemoteError of it, which keeps `class` and `message`. Our own
// Fault travels whole beside them, in a key that Python does not read.
import { Fault, faultFromWire, faultToWire, type WireFault } from "@micronova/kit";
import { rpcErrors } from "./errors.ts";

const dispatcher = "oslo_messaging.rpc.dispatcher";
/** Refusals that oslo.messaging has classes for, so that clients which know them are not surprised. */
const dispatcherClasses: Readonly<Record<string, string>> = {
  [rpcErrors.noSuchMethod.kind]: "NoSuchMethod",
  [rpcErrors.unsupportedVersion.kind]: "UnsupportedVersion",
};

export function failureOf(fault: Fault): string {
  const { kind, message } = fault;
  const known = dispatcherClasses[kind];
  const named = { class: known ?? kind, module: known === undefined ? "micronova" : dispatcher };
  return JSON.stringify({
    ...named,
    message,
    tb: [],
    args: [message],
    kwargs: {},
    fault: faultToWire(fault),
  });
}

interface Failure {
  readonly class: string;
  readonly module: string;
  readonly message: string;
  readonly fault: WireFault | null;
}

/** Rebuilds the other side's error; a Python exception keeps its class and message in `rpcErrors.remote`. */
export function faultOf(
  failure: unknown,
  { target, method }: { readonly target: string; readonly method: string },
): Fault {
  const read = readFailure(failure);
  if (read === null) return rpcErrors.internal(`'${target}' failed to ${method}, and does not say how.`);
  if (read.fault !== null) return faultFromWire(read.fault);
  if (read.module === dispatcher && read.class === "NoSuchMethod")
    return rpcErrors.noSuchMethod(target, method);
  return rpcErrors.remote(read.class, read.message);
}

function readFailure(failure: unknown): Failure | null {
  const fields = fieldsOf(typeof failure === "string" ? parsed(failure) : failure);
  if (fields === null) return null;
  const { class: className, module, message, fault } = fields;
  return {
    class: typeof className === "string" ? className : "Exception",
    module: typeof module === "string" ? module : "",
    message: typeof message === "string" ? message : "",
    fault: isWireFault(fault) ? fault : null,
  };
}

function isWireFault(value: unknown): value is WireFault {
  const { kind, status, message, retriable, params } = fieldsOf(value) ?? {};
  const isNamed = typeof kind === "string" && typeof status === "number" && typeof message === "string";
  return isNamed && typeof retriable === "boolean" && Array.isArray(params);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  // What is neither a primitive nor null has keys, of which nothing else is known.
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Not what oslo.messaging sends; the text may still say something.
    if (error instanceof SyntaxError) return { message: text };
    throw error;
  }
}

/** Any error as a Fault, so that it can cross. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return rpcErrors.internal(error instanceof Error ? error.message : String(error));
}
