// Image as an HTTP service, mounted under `/image`.
import { type Authenticator, glanceDialect, type HttpService, service } from "@micronova/http";
import * as discovery from "./api/discovery.ts";
import * as actions from "./api/image-actions.ts";
import * as file from "./api/image-file.ts";
import * as images from "./api/images.ts";
import * as members from "./api/members.ts";
import { schemaRoutes } from "./api/schemas.ts";
import type { ImageDeps } from "./deps.ts";
import { imagePolicies } from "./policies.ts";

export function imageService(deps: ImageDeps & { readonly authenticator: Authenticator }): HttpService {
  return service<ImageDeps>({
    name: "image",
    routes: [discovery, images, file, actions, members]
      .flatMap((routes) => Object.values(routes))
      .concat(schemaRoutes),
    deps,
    policies: imagePolicies,
    dialect: glanceDialect,
    authenticator: deps.authenticator,
  });
}
