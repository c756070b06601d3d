// What can go wrong with the store by itself, and what to do about it.
import { errorTable, isFault } from "@micronova/kit";

export const storeErrors = errorTable("store", {
  newer: {
    status: 500,
    text: (place: string, id: string) =>
      `The data in ${place} belongs to a newer version of Micronova (it has the migration ${id}); ` +
      "start that version, or restore a backup made by this one.",
  },
  damaged: {
    status: 500,
    text: (place: string, why: string) =>
      `The data in ${place} is damaged or is not a database (${why}); restore a backup, or move the file away to start empty.`,
  },
  unreachable: {
    status: 500,
    text: (place: string, why: string) =>
      `The data in ${place} cannot be opened (${why}); check that the directory exists and may be written.`,
  },
  full: {
    status: 503,
    text: (place: string) => `The disk that holds ${place} is full; make room and try again.`,
    retriable: true,
  },
  locked: {
    status: 503,
    text: (place: string) => `Another process holds ${place}; stop it, or use another data directory.`,
    retriable: true,
  },
  lost: {
    status: 503,
    text: (place: string, why: string) =>
      `The database ${place} cannot be reached (${why}), and nothing was changed; try again when it runs.`,
    retriable: true,
  },
  unsure: {
    status: 503,
    text: (place: string, why: string) =>
      `The database ${place} was lost while it committed (${why}), so that the change may or may not have been made; ` +
      "look before you try again.",
  },
  refused: {
    status: 500,
    text: (place: string, why: string) =>
      `The database ${place} does not let this process in (${why}); check the user, the password and the name in its URL.`,
  },
  occupied: {
    status: 409,
    text: (place: string, table: string, rows: number) =>
      `The database ${place} is not empty (${rows} rows in ${table}); make a new one, and nothing is lost.`,
  },
  copyDiffers: {
    status: 500,
    text: (place: string, table: string) =>
      `The database ${place} does not give back what was written to ${table}; nothing was kept there.`,
  },
  unsuited: {
    status: 500,
    text: (place: string, what: string) =>
      `The database ${place} has ${what}, and would sort texts unlike the other engine; make one with ` +
      "createdb --template=template0 --encoding=UTF8 --locale=C NAME.",
  },
});

const kinds = new Set(Object.values(storeErrors).map(({ kind }) => kind));

/** Whether the store itself failed, so that nothing is known about what was asked of it. */
export function isStoreFault(error: unknown): boolean {
  return isFault(error) && kinds.has(error.kind);
}

/** Whether a statement failed because a row with that key exists already. */
export function isUniqueViolation(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 2067 || code === 1555 || sqlState(error) === "23505";
}

/** SQLite's extended result code, if the error has one. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !("errcode" in error)) return null;
  return typeof error.errcode === "number" ? error.errcode : null;
}

/** PostgreSQL's five characters, if the error has them; the system's errors have codes of another form. */
export function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || !("severity" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
