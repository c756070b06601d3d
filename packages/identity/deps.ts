// What identity's handlers and log-ins are given.
import type { Platform } from "@micronova/kit";
import type { Store, Tx } from "@micronova/store";
import type { Lockout } from "./lockout.ts";
import type { Passwords } from "./passwords.ts";
import type { Tokens } from "./tokens.ts";

/** Under which address the catalog names the cloud's services. */
export interface Endpoints {
  /** Fixed by the operator, or null for the one each client uses. */
  readonly origin: string | null;
}

export interface IdentityDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly lockout: Lockout;
  readonly endpoints: Endpoints;
  /**
   * A transaction after which revocations count at once. Every change of identity's tables goes through
   * here.
   */
  change<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}
