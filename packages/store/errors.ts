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
});

const kinds = new Set(Object.values(storeErrors).map(({ kind }) => kind));

/** Whether the store itself failed, so that nothing is known about what was asked of it. */
export function isStoreFault(error: unknown): boolean {
  return isFault(error) && kinds.has(error.kind);
}
