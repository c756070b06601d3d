// One HTTP server per network of this host, at the address the driver sends guests' metadata requests to.
// Which server was asked says the network, the packet's source says the guest; headers say nothing.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isFault, systemContext, type Uuid } from "@micronova/kit";
import type { MetadataEndpoint } from "../drivers/driver.ts";
import { type MetadataResponse, metadataContract } from "./contract.ts";
import type { NetworkWorkerDeps } from "./worker.ts";

export interface MetadataListeners {
  start(): void;
  stop(): Promise<void>;
}

// Nova refuses more than 1,020 bytes of a password, the only thing a guest sends.
const bodyBytesMax = 4_096;
const headersMax = 50;
// A guest that says nothing does not hold a connection.
const requestTimeoutMs = 10_000;

export function metadataListeners(deps: NetworkWorkerDeps): MetadataListeners {
  const servers = new Map<Uuid, { readonly endpoint: MetadataEndpoint; readonly server: Server }>();
  let unwatch: (() => void) | null = null;

  function become(endpoints: readonly MetadataEndpoint[]): void {
    const wanted = new Map(endpoints.map((endpoint) => [endpoint.networkId, endpoint]));
    for (const [networkId, { endpoint, server }] of servers) {
      const next = wanted.get(networkId);
      if (next?.address === endpoint.address && next.port === endpoint.port) continue;
      close(server);
      servers.delete(networkId);
    }
    for (const endpoint of endpoints) {
      if (!servers.has(endpoint.networkId)) {
        servers.set(endpoint.networkId, { endpoint, server: listenAt(deps, endpoint) });
      }
    }
  }

  return {
    start() {
      unwatch = deps.driver.metadata?.watch(become) ?? null;
    },
    async stop() {
      unwatch?.();
      become([]);
    },
  };
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

function listenAt(deps: NetworkWorkerDeps, { networkId, address, port }: MetadataEndpoint): Server {
  const { log } = deps.platform;
  const server = createServer((request, response) => {
    answer(deps, networkId, request, response).catch((error: unknown) => {
      log.error({ networkId, error }, "metadata request failed");
      send(response, { status: 500, contentType: "text/plain; charset=utf-8", body: "" });
    });
  });
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = requestTimeoutMs;
  server.maxHeadersCount = headersMax;
  server.on("error", (error) =>
    log.error({ networkId, address, port, error }, "no metadata for this network"),
  );
  server.listen({ host: address, port });
  return server;
}

async function answer(
  { platform, rpc }: NetworkWorkerDeps,
  networkId: Uuid,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  if (body === null) return send(response, { status: 413, contentType: "text/plain", body: "" });
  const context = systemContext(platform.random.uuid());
  try {
    const found = await rpc.any(metadataContract, { context }).lookup({
      networkId,
      address: request.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "",
      path: request.url ?? "/",
      method: request.method ?? "GET",
      headers: plainHeaders(request),
      body,
    });
    send(response, found);
  } catch (error) {
    if (!isFault(error)) throw error;
    // Guests ask again for as long as they boot; the service may be starting.
    platform.log.warn({ networkId, error: error.message }, "metadata service did not answer");
    send(response, { status: 503, contentType: "text/plain; charset=utf-8", body: "" });
  }
}

function send(response: ServerResponse, { status, contentType, body }: MetadataResponse): void {
  const bytes = Buffer.from(body, "base64");
  response.writeHead(status, { "Content-Type": contentType, "Content-Length": bytes.length });
  response.end(bytes);
}

/** Base64, or null when it is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("base64");
}

function plainHeaders({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}
