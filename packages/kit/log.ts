// Structured log lines: a constant sentence and fields. Pino underneath, seen by this file only.
import { pino } from "pino";

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  error(fields: LogFields, event: string): void;
  warn(fields: LogFields, event: string): void;
  info(fields: LogFields, event: string): void;
  debug(fields: LogFields, event: string): void;
  /** A log whose lines all carry these fields. */
  child(fields: LogFields): Log;
}

export type LogLevel = "error" | "warn" | "info" | "debug" | "silent";

// What must never be written, wherever it stands in the fields.
const secrets = [
  "password",
  "*.password",
  "adminPass",
  "*.adminPass",
  "token",
  "*.token",
  "*.secret",
  "secret",
];

/** A log of JSON lines, written without buffering to `path`, or to standard error when there is none. */
export function jsonLog(options: { readonly level: LogLevel; readonly path?: string }): Log {
  const target = pino.destination({ dest: options.path ?? 2, mkdir: true, sync: true });
  return pino(
    { level: options.level, base: null, redact: secrets, serializers: { error: describe } },
    target,
  );
}

export const silentLog: Log = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  child: () => silentLog,
};

function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const cause = error.cause === undefined ? {} : { cause: describe(error.cause) };
  return { message: error.message, stack: error.stack, ...cause };
}
