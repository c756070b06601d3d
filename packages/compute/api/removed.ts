// What the API had once. Each answers 410 in every microversion, as Nova does, so that an old client learns
// why.
import type { AnyRoute, Method } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";

const gone: Readonly<Record<string, readonly Method[]>> = {
  "/os-agents": ["GET", "POST"],
  "/os-agents/:id": ["PUT", "DELETE"],
  "/os-cells": ["GET", "POST"],
  "/os-cells/:id": ["GET", "PUT", "DELETE"],
  "/os-certificates": ["POST"],
  "/os-certificates/:id": ["GET"],
  "/os-cloudpipe": ["GET", "POST"],
  "/os-fixed-ips/:id": ["GET"],
  "/os-floating-ip-dns": ["GET"],
  "/os-floating-ip-dns/:id": ["PUT", "DELETE"],
  "/os-floating-ips-bulk": ["GET", "POST"],
  "/os-floating-ips-bulk/:id": ["GET"],
  "/os-fping": ["GET"],
  "/os-fping/:id": ["GET"],
  "/os-security-group-default-rules": ["GET", "POST"],
  "/os-security-group-default-rules/:id": ["GET", "DELETE"],
  "/servers/:server_id/consoles": ["GET", "POST"],
  "/servers/:server_id/consoles/:id": ["GET", "DELETE"],
  "/servers/:server_id/os-virtual-interfaces": ["GET"],
};

export const removedRoutes: readonly AnyRoute<ComputeDeps>[] = Object.entries(gone).flatMap(
  ([path, methods]) =>
    methods.map((method) => ({
      method,
      path,
      policy: "os_compute_api:servers:index",
      success: 200,
      summary: "Removed from the API.",
      handle: () => Promise.reject(errors.removed()),
    })),
);
