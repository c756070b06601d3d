// Routes of this package know what their handlers are given.
import { routesOf } from "@micronova/http";
import type { ImageDeps } from "../deps.ts";

export const route = routesOf<ImageDeps>();
