// Rows of the table cloud owns.
import type { Millis } from "@micronova/kit";

/** One row: where the cloud was made, and with it the first passwords of its users. */
export interface CloudOriginTable {
  id: number;
  /** As in the `secrets.json` of the process that made it. */
  cloud_id: string;
  host: string;
  created_at: Millis;
}

declare module "@micronova/store" {
  interface Tables {
    cloud_origin: CloudOriginTable;
  }
}
