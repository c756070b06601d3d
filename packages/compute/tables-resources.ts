// Rows of what surrounds servers: key pairs, quotas, aggregates and server groups.
import type { Millis, Uuid } from "@micronova/kit";

export interface KeypairTable {
  id: Uuid;
  user_id: string;
  name: string;
  type: string;
  public_key: string;
  fingerprint: string;
  created_at: Millis;
}

/** A limit set for a project, or for one of its users. */
export interface QuotaTable {
  project_id: string;
  /** Empty for the project itself. */
  user_id: string;
  resource: string;
  hard_limit: number;
}

/** What a project has that has no limits of its own. */
export interface QuotaClassTable {
  resource: string;
  hard_limit: number;
}

export interface AggregateTable {
  id: number;
  uuid: Uuid;
  name: string;
  /** JSON object of strings; `availability_zone` is one of them. */
  metadata: string;
  created_at: Millis;
  updated_at: Millis | null;
  /** Rows stay, since their numbers must not be given twice. */
  deleted_at: Millis | null;
}

export interface AggregateHostTable {
  aggregate_id: number;
  host: string;
}

export interface ServerGroupTable {
  id: Uuid;
  project_id: string;
  user_id: string;
  name: string;
  policy: string;
  /** JSON object. */
  rules: string;
  created_at: Millis;
}

declare module "@micronova/store" {
  interface Tables {
    keypairs: KeypairTable;
    quotas: QuotaTable;
    quota_classes: QuotaClassTable;
    aggregates: AggregateTable;
    aggregate_hosts: AggregateHostTable;
    server_groups: ServerGroupTable;
  }
}

export type Keypair = KeypairTable;
export type Aggregate = AggregateTable;
export type ServerGroup = ServerGroupTable;
