// Rows of the tables identity owns. Ids are Keystone's: 32 hexadecimal digits, except for the domain
// `default`.
import type { Millis } from "@micronova/kit";

export interface DomainTable {
  id: string;
  name: string;
  description: string;
  enabled: number;
  options: string;
  created_at: Millis;
}

export interface ProjectTable {
  id: string;
  name: string;
  domain_id: string;
  /** The project above, or the domain's id at the top. */
  parent_id: string;
  description: string;
  enabled: number;
  /** JSON list, sorted. */
  tags: string;
  options: string;
  /** JSON object of attributes Keystone does not know; clients get them back as they sent them. */
  extra: string;
  created_at: Millis;
}

export interface UserTable {
  id: string;
  name: string;
  domain_id: string;
  default_project_id: string | null;
  enabled: number;
  description: string | null;
  options: string;
  extra: string;
  created_at: Millis;
}

/** Apart from the user, so that listing users never carries hashes. */
export interface PasswordTable {
  user_id: string;
  hash: string;
  created_at: Millis;
}

export interface GroupTable {
  id: string;
  name: string;
  domain_id: string;
  description: string;
  created_at: Millis;
}

export interface GroupMemberTable {
  group_id: string;
  user_id: string;
}

export interface RoleTable {
  id: string;
  name: string;
  /** Null for the roles of the whole cloud. */
  domain_id: string | null;
  description: string | null;
  options: string;
  created_at: Millis;
}

export interface ImpliedRoleTable {
  prior_role_id: string;
  implied_role_id: string;
}

export type ActorKind = "user" | "group";
export type ScopeKind = "project" | "domain" | "system";

export interface AssignmentTable {
  actor_kind: ActorKind;
  actor_id: string;
  scope_kind: ScopeKind;
  /** `all` for the system. */
  scope_id: string;
  role_id: string;
  /** 1 when the role holds on the projects below the scope, not on the scope itself. */
  inherited: number;
}

export interface RegionTable {
  id: string;
  description: string;
  parent_region_id: string | null;
}

export interface CatalogServiceTable {
  id: string;
  type: string;
  name: string;
  description: string;
  enabled: number;
}

export interface CatalogEndpointTable {
  id: string;
  service_id: string;
  interface: "public" | "internal" | "admin";
  region_id: string | null;
  /** May hold `$(origin)s`, the address the client used, and `$(project_id)s`. */
  url: string;
  enabled: number;
}

export interface ApplicationCredentialTable {
  id: string;
  name: string;
  user_id: string;
  project_id: string;
  description: string | null;
  secret_hash: string;
  /** JSON list of role ids. */
  roles: string;
  unrestricted: number;
  expires_at: Millis | null;
}

export interface RevocationTable {
  /**
   * `user:<id>`, `project:<id>`, `domain:<id>`, `grant:<user>@<scope>`, `credential:<id>`, `token:<audit
   * id>` or `roles`.
   */
  subject: string;
  generation: number;
  revoked_at: Millis;
}

/** One row: how often anything was revoked so far. */
export interface TokenGenerationTable {
  id: number;
  generation: number;
}

/** What tokens are signed with; the highest ordinal is the newest. */
export interface TokenKeyTable {
  ordinal: number;
  id: string;
  secret: string;
  created_at: Millis;
}

declare module "@micronova/store" {
  interface Tables {
    domains: DomainTable;
    projects: ProjectTable;
    users: UserTable;
    passwords: PasswordTable;
    groups: GroupTable;
    group_members: GroupMemberTable;
    roles: RoleTable;
    implied_roles: ImpliedRoleTable;
    assignments: AssignmentTable;
    regions: RegionTable;
    catalog_services: CatalogServiceTable;
    catalog_endpoints: CatalogEndpointTable;
    application_credentials: ApplicationCredentialTable;
    revocations: RevocationTable;
    token_generation: TokenGenerationTable;
    token_keys: TokenKeyTable;
  }
}
