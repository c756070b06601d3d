// The sockets: one port for all services, chosen by the longest prefix of the path. Node's own server is all
// it takes, since routes, bodies and errors are the services' own.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Millis, type Platform, type Service, type Span, SpanCollector } from "@micronova/kit";
import { httpErrors } from "./errors.ts";
import type { Answer, HttpService, Incoming } from "./service.ts";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly key: string; readonly cert: string };
  /**
   * By path prefix: `{ "/compute/v2.1": computeService }`. The longest prefix wins; `/` takes what is left.
   */
  readonly services: Readonly<Record<string, Pick<HttpService, "name" | "answer">>>;
  /** Exact paths outside all services, such as `/healthz` and `/metrics`. */
  readonly plain?: Readonly<Record<string, PlainHandler>>;
  /** Told of every request that a service answered. */
  readonly answered?: (request: AnsweredRequest) => void;
}

/** A request that was answered, for whoever keeps record. */
export interface AnsweredRequest {
  /** `req-<uuid>`, as the answer's header says. */
  readonly requestId: string;
  readonly method: string;
  /** Without the query, which may hold what should not be kept. */
  readonly path: string;
  readonly status: number;
  readonly at: Millis;
  /** From the head of the request to the answer being ready, with fractions. */
  readonly ms: number;
  readonly spans: readonly Span[];
}

/** Answers a path that needs no token and belongs to no service. */
export type PlainHandler = () => Promise<Answer>;

export interface HttpServer extends Service {
  /** The port really listened on. */
  readonly port: number;
  /** Answers a request without a socket, for tests. */
  inject(request: InjectRequest): Promise<InjectResponse>;
}

export interface InjectRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, or bytes as they are. */
  readonly body?: unknown;
}

export interface InjectResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it is JSON, else text; null where there is none. */
  readonly body: unknown;
}

// How long stopping waits for requests in flight before it closes their connections.
const stopWaitsMs = 10_000;

// A connection on which nothing has moved for so long is closed: a client that stalls in the middle of a body
// would hold it for ever. Longer than any handler takes.
const idleMs = 120_000;

// How long a connection between two requests is kept: longer than proxies in front of us keep theirs, so that
// they never send into one that is being closed.
const keptMs = 72_000;

// A client that heeds its answer leaves at once; this is for slow lines.
const lingerMs = 5_000;

export function listen(platform: Platform, options: ListenOptions): HttpServer {
  const dispatch = dispatcher(platform, options);
  const server = makeServer(platform, options, dispatch);
  let port = options.port;
  return {
    name: "http",
    get port() {
      return port;
    },
    async start() {
      port = await bind(server, options);
      server.on("error", (error) => platform.log.error({ error }, "a connection could not be accepted"));
      platform.log.info({ host: options.host, port }, "http server listens");
    },
    async stop() {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const late = new AbortController();
      const bounded = platform.clock.sleep(stopWaitsMs, late.signal).then(
        () => server.closeAllConnections(),
        () => {},
      );
      await Promise.race([closed, bounded.then(() => closed)]);
      late.abort();
    },
    inject: (request) => inject(dispatch, options, request),
  };
}

type Dispatch = (raw: RawRequest) => Promise<Answer>;

interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly stream: Readable;
  readonly remoteAddress: string;
  readonly isTls: boolean;
}

/** Finds the service of a path and hands the request over. */
function dispatcher(platform: Platform, options: ListenOptions): Dispatch {
  const services = Object.entries(options.services)
    .map(([prefix, service]) => ({ prefix: prefix.replace(/\/$/, ""), service }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return async (raw) => {
    const mark = raw.url.indexOf("?");
    const whole = mark === -1 ? raw.url : raw.url.slice(0, mark);
    const plain = options.plain?.[whole];
    if (plain !== undefined) return plain();
    const found = services.find(({ prefix }) => whole === prefix || whole.startsWith(`${prefix}/`));
    if (found === undefined) return nowhere(whole, services);
    const origin = originOf(raw, options);
    const forwarded = cleanPrefix(raw.headers["x-forwarded-prefix"]);
    const incoming: Incoming = {
      method: raw.method,
      path: whole.slice(found.prefix.length),
      query: mark === -1 ? "" : raw.url.slice(mark + 1),
      url: `${forwarded}${raw.url}`,
      origin,
      baseUrl: `${origin}${forwarded}${found.prefix}`,
      headers: raw.headers,
      stream: raw.stream,
      remoteAddress: raw.remoteAddress,
    };
    return options.answered === undefined
      ? found.service.answer(platform, incoming)
      : recorded(platform, found.service, { incoming, path: whole, answered: options.answered });
  };
}

/** Answers, and tells what it took. */
async function recorded(
  platform: Platform,
  service: Pick<HttpService, "name" | "answer">,
  {
    incoming,
    path,
    answered,
  }: { incoming: Incoming; path: string; answered: NonNullable<ListenOptions["answered"]> },
): Promise<Answer> {
  const { clock } = platform;
  const collector = new SpanCollector(clock);
  const at = clock.now();
  const began = clock.monotonic();
  const answer = await collector.run(() => service.answer(platform, incoming));
  const requestId = answer.headers["x-openstack-request-id"] ?? "";
  const ms = clock.monotonic() - began;
  const { method } = incoming;
  answered({ requestId, method, path, status: answer.status, at, ms, spans: collector.spans });
  return answer;
}

function nowhere(path: string, services: readonly { readonly prefix: string }[]): Answer {
  const known = services.map(({ prefix }) => prefix || "/").toSorted();
  const message = `Nothing is served under ${path}. Services are under ${known.join(", ")}.`;
  return {
    status: 404,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ error: { code: 404, title: "Not Found", message } }),
  };
}

const hostPattern = /^[A-Za-z0-9._:[\]-]{1,255}$/;

/** The address the client used: its Host header, and its scheme, as a proxy before us may tell it. */
function originOf(raw: RawRequest, options: ListenOptions): string {
  const proto = single(raw.headers["x-forwarded-proto"]);
  const scheme = proto === "https" || proto === "http" ? proto : raw.isTls ? "https" : "http";
  const host = single(raw.headers["x-forwarded-host"]) ?? raw.headers.host ?? "";
  return `${scheme}://${hostPattern.test(host) ? host : `${options.host}:${options.port}`}`;
}

function cleanPrefix(header: string | string[] | undefined): string {
  const prefix = single(header)?.replace(/\/+$/, "") ?? "";
  return /^(\/[\w.~-]+)+$/.test(prefix) ? prefix : "";
}

/** The first of a list of proxies' values: the one nearest to the client. */
function single(header: string | string[] | undefined): string | undefined {
  return [header].flat()[0]?.split(",")[0]?.trim();
}

type Server = ReturnType<typeof createServer>;

function makeServer(platform: Platform, { tls }: ListenOptions, dispatch: Dispatch): Server {
  const onRequest = async (incoming: IncomingMessage, response: ServerResponse) => {
    try {
      const answer = await dispatch({
        method: incoming.method ?? "GET",
        url: incoming.url ?? "/",
        headers: incoming.headers,
        stream: incoming,
        remoteAddress: incoming.socket.remoteAddress ?? "",
        isTls: tls !== undefined,
      });
      // A server that is stopping waits for its clients to leave; they are told to.
      if (!server.listening) response.setHeader("Connection", "close");
      await send(response, answer, incoming.method === "HEAD");
      if (!incoming.complete) await letPass(platform, incoming);
    } catch (error) {
      // Services turn what goes wrong into answers. Once an answer has begun, a client that left or a body
      // that broke off is told by nothing but the end of the connection.
      if (response.headersSent) {
        platform.log.debug({ error, url: incoming.url }, "an answer broke off");
        response.destroy();
      } else {
        platform.log.error({ error, url: incoming.url }, "a request found no answer");
        response.writeHead(500).end();
      }
    }
  };
  const server: Server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  // An upload takes as long as it takes; what stalls is ended by `idleMs`.
  server.requestTimeout = 0;
  server.keepAliveTimeout = keptMs;
  server.timeout = idleMs;
  return server;
}

/**
 * What a client goes on sending after its answer is let pass for a while: cut off at once it might never read
 * the answer, and left unread it would keep its connection, whose end nobody would see.
 */
async function letPass({ clock }: Platform, incoming: IncomingMessage): Promise<void> {
  const over = new AbortController();
  incoming.once("close", () => over.abort()).resume();
  const isOver = await clock.sleep(lingerMs, over.signal).then(
    () => false,
    () => true,
  );
  if (!isOver) incoming.destroy();
}

async function send(response: ServerResponse, { status, headers, body }: Answer, isHead: boolean) {
  if (body instanceof Readable) {
    response.writeHead(status, headers);
    await pipeline(body, response);
    return;
  }
  const mayHaveBody = status !== 204 && status !== 304 && !(isHead && body === null);
  const length = mayHaveBody ? { "Content-Length": Buffer.byteLength(body ?? "") } : {};
  response.writeHead(status, { ...headers, ...length });
  response.end(body ?? undefined);
}

async function bind(server: Server, { host, port }: ListenOptions): Promise<number> {
  try {
    server.listen({ host, port });
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "EADDRINUSE") throw httpErrors.portTaken(host, port);
    if (code === "EACCES" || code === "EADDRNOTAVAIL") throw httpErrors.notListening(host, port, code);
    throw error;
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

async function inject(
  dispatch: Dispatch,
  options: ListenOptions,
  request: InjectRequest,
): Promise<InjectResponse> {
  const bytes = bytesOf(request.body);
  const type =
    request.body === undefined || Buffer.isBuffer(request.body) ? {} : { "content-type": "application/json" };
  const given = Object.entries(request.headers ?? {}).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  const answer = await dispatch({
    method: request.method,
    url: request.url,
    headers: { host: `${options.host}:${options.port}`, ...type, ...Object.fromEntries(given) },
    stream: request.body instanceof Readable ? request.body : Readable.from(bytes === null ? [] : [bytes]),
    remoteAddress: "127.0.0.1",
    isTls: options.tls !== undefined,
  });
  const headers = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { status: answer.status, headers: Object.fromEntries(headers), body: await readAnswer(answer) };
}

function bytesOf(body: unknown): Buffer | null {
  if (body === undefined || body instanceof Readable) return null;
  return Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

async function readAnswer({ body, headers }: Answer): Promise<unknown> {
  if (body === null) return null;
  const bytes = body instanceof Readable ? Buffer.concat(await body.toArray()) : Buffer.from(body);
  const type = headers["Content-Type"] ?? headers["content-type"] ?? "";
  if (type.includes("json")) return JSON.parse(bytes.toString("utf8"));
  return type.includes("octet-stream") ? bytes : bytes.toString("utf8");
}
