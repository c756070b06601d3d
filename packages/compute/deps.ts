// What every route, noun and service of compute receives. One object, made once by the composition root.
import type { Authenticator } from "@micronova/http";
import type { Platform } from "@micronova/kit";
import type { Rpc } from "@micronova/rpc";
import type { Sagas } from "@micronova/saga";
import type { Store } from "@micronova/store";
import type { ComputeConfig } from "./config.ts";

export interface ComputeDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly sagas: Sagas;
  readonly rpc: Rpc;
  readonly authenticator: Authenticator;
  readonly config: ComputeConfig;
}

/** What conductors and schedulers receive: nobody comes to them with a token. */
export type ComputeRoleDeps = Omit<ComputeDeps, "authenticator"> & {
  /** The name the role is listed under. */
  readonly host: string;
};
