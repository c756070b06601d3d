// What a server's move says of itself, in Nova's words, and what follows from each.

interface StatusRule {
  /** Whether the move holds something of the host that the server left or is leaving. */
  readonly holds: boolean;
}

const migrationStatuses = {
  // Nothing is claimed yet, but what was made for it may not be taken back yet either.
  "pre-migrating": { holds: true },
  migrating: { holds: true },
  "post-migrating": { holds: true },
  finished: { holds: true },
  confirming: { holds: true },
  confirmed: { holds: false },
  reverting: { holds: true },
  reverted: { holds: false },
  error: { holds: false },
} as const satisfies Record<string, StatusRule>;

export type MigrationStatus = keyof typeof migrationStatuses;

/** Statuses of moves that hold something of two hosts. */
export const holdingStatuses: readonly string[] = Object.entries(migrationStatuses)
  .filter(([, { holds }]) => holds)
  .map(([status]) => status);

/** The type of moves during which the server runs. */
export const liveType = "live-migration";
const underWayStatuses = ["queued", "preparing", "running", "post-migrating"];

/** Whether the move is one that the server's own address shows. */
export function isUnderWay(move: { readonly migration_type: string; readonly status: string }): boolean {
  return move.migration_type === liveType && underWayStatuses.includes(move.status);
}
