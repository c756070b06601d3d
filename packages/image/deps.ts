// What image's handlers and uploads are given.
import type { Platform } from "@micronova/kit";
import type { Store } from "@micronova/store";
import type { ImageFiles } from "./image-files.ts";

export interface ImageDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly files: ImageFiles;
  /** The API's name among several; those of its name that ran before have ended. */
  readonly owner?: string;
}
