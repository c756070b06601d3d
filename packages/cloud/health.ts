// The health address of one process: whether it lives, whether it is ready and what it waits for, and its
// metrics. It is there before anything else is, and needs no token.
import { createServer, type ServerResponse } from "node:http";
import type { Platform, Service } from "@micronova/kit";
import { errors } from "./errors.ts";
import type { Readiness } from "./readiness.ts";

export interface HealthService extends Service {
  /** `127.0.0.1:9100`, with the port it really has. */
  readonly address: string;
}

export interface HealthOptions {
  readonly platform: Platform;
  readonly readiness: Readiness;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export type HealthPage = () => Promise<{
  readonly status: number;
  readonly type: string;
  readonly body: string;
}>;

const plainText = "text/plain; charset=utf-8";

/** What is answered by path; the APIs' own port answers the same. */
export function healthPages(platform: Platform, readiness: Readiness): Readonly<Record<string, HealthPage>> {
  return {
    "/healthz": async () => ({ status: 200, type: plainText, body: "ok\n" }),
    "/readyz": async () => {
      const missing = await readiness.missing();
      if (missing.length === 0) return { status: 200, type: plainText, body: "ready\n" };
      return { status: 503, type: plainText, body: missing.map((line) => `waiting for ${line}\n`).join("") };
    },
    "/metrics": async () => {
      const { metrics } = platform;
      metrics.gauge("micronova_ready", (await readiness.missing()).length === 0 ? 1 : 0);
      metrics.gauge("process_resident_memory_bytes", process.memoryUsage.rss());
      return { status: 200, type: "text/plain; version=0.0.4", body: await metrics.text() };
    },
  };
}

export function healthService(options: HealthOptions): HealthService {
  const { platform, readiness, host } = options;
  const pages = healthPages(platform, readiness);
  let { port } = options;
  const server = createServer((request, response) => {
    const page = pages[(request.url ?? "").split("?", 1)[0]!];
    if (page === undefined) return void send(response, 404, plainText, `${Object.keys(pages).join("\n")}\n`);
    page().then(
      ({ status, type, body }) => send(response, status, type, body),
      (error: unknown) => {
        platform.log.error({ error }, "a question after health could not be answered");
        send(response, 500, plainText, "see the log\n");
      },
    );
  });
  return {
    name: "health",
    get address() {
      return `${host.includes(":") ? `[${host}]` : host}:${port}`;
    },
    async start() {
      await new Promise<void>((resolve, reject) => {
        server.once("error", (error: NodeJS.ErrnoException) =>
          reject(errors.healthTaken(`${host}:${port}`, error.code ?? error.message)),
        );
        server.listen({ host, port }, resolve);
      });
      const address = server.address();
      if (typeof address === "object" && address !== null) port = address.port;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}
