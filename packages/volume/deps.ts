// What every route and noun of volumes receives. One object, made once by the composition root.
import type { Authenticator } from "@micronova/http";
import type { Platform } from "@micronova/kit";
import type { Sagas } from "@micronova/saga";
import type { Store } from "@micronova/store";

export interface VolumeDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly sagas: Sagas;
  readonly authenticator: Authenticator;
}

/** What nouns that begin something on a host need. */
export interface SagaStarter {
  readonly sagas: Pick<Sagas, "start" | "cancel">;
}
