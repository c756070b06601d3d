// Rows of flavors and of who may use the private ones.
import type { Millis } from "@micronova/kit";

export interface FlavorTable {
  /** What the API calls the flavor's id: a UUID, or any text its maker chose. */
  id: string;
  name: string;
  vcpus: number;
  /** MB. */
  ram: number;
  /** GB of the root disk. */
  disk: number;
  /** GB. */
  ephemeral: number;
  /** MB. */
  swap: number;
  rxtx_factor: number;
  is_public: number;
  description: string | null;
  /** JSON object of strings. */
  extra_specs: string;
  created_at: Millis;
}

export interface FlavorAccessTable {
  flavor_id: string;
  project_id: string;
}

declare module "@micronova/store" {
  interface Tables {
    flavors: FlavorTable;
    flavor_access: FlavorAccessTable;
  }
}

export type Flavor = FlavorTable;
