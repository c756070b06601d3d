// The rows of the tables this package owns.
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

/** Lets one host join once. */
export interface HostTokenTable {
  /** SHA-256 of the secret, hexadecimal: who reads the table cannot use it. */
  id: string;
  /** The only name it is good for; null for any. */
  host: string | null;
  /** By commas. */
  roles: string;
  created_at: Millis;
  expires_at: Millis;
  used_at: Millis | null;
}

/** A host that joined and was not removed. */
export interface JoinedHostTable {
  name: string;
  /** By commas. */
  roles: string;
  joined_at: Millis;
  /** Its user of the bus. */
  bus_user: string;
}

/** The one authority whose certificates hosts know each other by. */
export interface AuthorityTable {
  id: "cloud";
  /** In PEM form, as is the key. */
  cert: string;
  key: string;
}

declare module "@micronova/store" {
  interface Tables {
    requests: RequestTable;
    host_tokens: HostTokenTable;
    joined_hosts: JoinedHostTable;
    authorities: AuthorityTable;
  }
}
