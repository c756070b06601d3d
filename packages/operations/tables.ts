// The rows of the table this package owns.
import type { Millis } from "@micronova/kit";

export interface RequestTable {
  /** `req-<uuid>` */
  id: string;
  method: string;
  path: string;
  status: number;
  at: Millis;
  ms: number;
  /** `Span[]`, JSON. */
  spans: string;
}

declare module "@micronova/store" {
  interface Tables {
    requests: RequestTable;
  }
}
