// Reading what may not be there.

/** As the handler of a rejected read: null for an absent file or folder; any other error is thrown. */
export function nullWhenAbsent(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}
