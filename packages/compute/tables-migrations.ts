// Rows of the moves of servers between hosts. A row is made when the move is asked for, and stays as its
// record.
import type { Millis, Uuid } from "@micronova/kit";

export interface MigrationTable {
  /** In placement the consumer of what is held of the host that the server leaves. */
  id: Uuid;
  /** What the API calls its id. */
  number: number;
  server_id: Uuid;
  project_id: string;
  user_id: string;
  /** `migration` or `resize`. */
  migration_type: string;
  status: string;
  /** JSON `Place` that the server leaves. */
  source: string;
  source_compute: string;
  /** JSON `Place`, once it is chosen. */
  dest: string | null;
  dest_compute: string | null;
  /** The address of the chosen host. */
  dest_host: string | null;
  /** JSON `FlavorCopy`. */
  old_flavor: string;
  new_flavor: string;
  /** Whether the guest ran when the move began. */
  was_running: number;
  /** JSON of what is copied so far; null where nobody says. */
  progress: string | null;
  created_at: Millis;
  updated_at: Millis;
}

declare module "@micronova/store" {
  interface Tables {
    server_migrations: MigrationTable;
  }
}

export type Migration = MigrationTable;
