// Structured log lines: a constant sentence and fields. Pino underneath, seen by this file only.
import { mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
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

/** A log of JSON lines, written to the file without buffering. */
export function jsonLog({ level, path }: { readonly level: LogLevel; readonly path: string }): Log {
  const options = { level, base: null, redact: secrets, serializers: { error: describe } };
  return pino(options, linesIn(path));
}

/**
 * A file of lines that is there to be written to, and to be without when the disk is full: a log must not end
 * what it tells of. What could not be written is counted, and said once there is room again.
 */
function linesIn(path: string): { write(line: string): void } {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "a");
  let lost = 0;
  return {
    write(line) {
      // Of the first lost line a part may have been written.
      const gap = lost === 0 ? "" : `\n{"level":40,"lost":${lost},"msg":"lines could not be written here"}\n`;
      try {
        writeSync(file, gap + line);
        lost = 0;
      } catch {
        // There is nowhere to tell it now.
        lost++;
      }
    },
  };
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
