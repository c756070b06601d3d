// Users, projects, roles, tokens and the catalog: Keystone's API version 3.
import { findProject, getProject, listProjects } from "./projects.ts";

/** What other packages ask about projects. */
export const projects = { get: getProject, find: findProject, list: listProjects };

export type { Endpoints } from "./deps.ts";
export { errors as identityErrors } from "./errors.ts";
export { identityInvariants } from "./invariants.ts";
export { identityMigrations } from "./migrations.ts";
export { defaultDomainId, type IdentitySeed, seedIdentity } from "./seed.ts";
export { identityService } from "./service.ts";
export { type Tokens, type TokensDeps, tokens } from "./tokens.ts";
