// What every route and service of networks receives. One object, made once by the composition root.
import type { Authenticator } from "@micronova/http";
import type { Platform } from "@micronova/kit";
import type { Store } from "@micronova/store";

export interface NetworkDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly authenticator: Authenticator;
}
