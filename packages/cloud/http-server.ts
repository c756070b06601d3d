// The port of the APIs: every service under its path, and what needs no token.
import { readFileSync } from "node:fs";
import { type Answer, type HttpServer, listen } from "@micronova/http";
import { imageDataPath, imageDataService } from "@micronova/image";
import type { ManagementService } from "@micronova/management";
import type { RequestLog } from "@micronova/operations";
import type { CloudConfig } from "./config.ts";
import { type HealthPage, healthPages } from "./health.ts";
import type { Readiness } from "./readiness.ts";
import { type ApiDeps, httpServices } from "./roles.ts";

interface HttpParts {
  readonly api: ApiDeps;
  readonly config: CloudConfig;
  readonly requests: RequestLog;
  readonly management: ManagementService | null;
  readonly readiness: Readiness;
}

export function httpServer({ api, config, requests, management, readiness }: HttpParts): HttpServer {
  const { platform, faults } = api;
  const served = {
    ...httpServices(api),
    [imageDataPath]: imageDataService({ ...api, files: api.images }),
    ...(management === null ? {} : { "/bus": management }),
  };
  return listen(platform, {
    host: config.listen,
    port: config.port,
    ...(config.tls === undefined ? {} : { tls: readTls(config.tls) }),
    services: faults === undefined ? served : faults.http(served, api.tokens),
    ...(config.traces.enabled ? { answered: (request) => requests.add(request) } : {}),
    plain: Object.fromEntries(
      Object.entries(healthPages(platform, readiness)).map(([path, page]) => [path, () => asAnswer(page)]),
    ),
  });
}

async function asAnswer(page: HealthPage): Promise<Answer> {
  const { status, type, body } = await page();
  return { status, headers: { "Content-Type": type }, body };
}

function readTls({ key, cert }: { readonly key: string; readonly cert: string }) {
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}
