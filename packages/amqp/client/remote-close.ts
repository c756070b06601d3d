// A broker's refusal, as it came, and as the fault that the in-process door would have thrown.
import { amqpErrors } from "../errors.ts";

export class RemoteClose extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.name = "RemoteClose";
    this.code = code;
  }

  /** What the text names: AMQP has no other place for it. */
  get subject(): { readonly isQueue: boolean; readonly name: string } | null {
    const match = /\b(exchange|queue) '([^']*)'/.exec(this.message);
    return match === null ? null : { isQueue: match[1] === "queue", name: match[2]! };
  }
}

/** The connection went away under a request, which may be made again on the next one. */
export class LinkLost extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = "LinkLost";
  }
}

// CONNECTION_FORCED, RESOURCE_ERROR and INTERNAL_ERROR: the broker's own trouble, whatever was asked for.
const passing = new Set([320, 506, 541]);

/** Whether a connection that was closed so was closed for what a request asked for. */
export function isForRequest({ code }: RemoteClose): boolean {
  return !passing.has(code);
}

const notFound = 404;
const locked = 405;
const preconditionFailed = 406;

export function faultOf(error: unknown): unknown {
  if (!(error instanceof RemoteClose)) return error;
  const { code, subject, message } = error;
  if (subject === null) return error;
  const { isQueue, name } = subject;
  if (code === notFound) return (isQueue ? amqpErrors.queueNotFound : amqpErrors.exchangeNotFound)(name);
  if (code === locked) return amqpErrors.queueLocked(name);
  if (code !== preconditionFailed) return error;
  return (isQueue ? amqpErrors.queueDiffers : amqpErrors.exchangeDiffers)(name, "property", message);
}
