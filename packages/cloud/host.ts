// The door for processes with some of the roles: it loads what these need and no more.
export type { CloudOverrides } from "./config.ts";
export { type RoleOptions, type RunningRoles, startRoles } from "./role-process.ts";
