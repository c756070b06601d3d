// What placement's handlers need.
import type { Platform } from "@micronova/kit";
import type { Store } from "@micronova/store";

export interface PlacementDeps {
  readonly platform: Platform;
  readonly store: Store;
}
