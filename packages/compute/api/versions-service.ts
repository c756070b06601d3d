// What answers above the API's own version, under `/compute`: the list of versions, for clients without a
// token.
import { type HttpService, novaDialect, service } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { rootVersionRoutes } from "./versions.ts";

export function computeVersionsService(deps: ComputeDeps): HttpService {
  return service({
    name: "compute-versions",
    routes: rootVersionRoutes,
    deps,
    policies: {},
    dialect: novaDialect,
    authenticator: deps.authenticator,
  });
}
