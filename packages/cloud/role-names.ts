// The roles a process may have, as `serve --role` names them.

export const roleNames = ["api", "conductor", "scheduler", "compute", "volume", "network", "broker"] as const;
export type RoleName = (typeof roleNames)[number];

/** What a cloud in one process is made of. */
export const allRoles: ReadonlySet<RoleName> = new Set(roleNames);

/** Those that read and write the tables. Workers and brokers have no database. */
const withStore: readonly RoleName[] = ["api", "conductor", "scheduler"];

export function needsStore(roles: ReadonlySet<RoleName>): boolean {
  return withStore.some((role) => roles.has(role));
}
