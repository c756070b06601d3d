// The sockets: one port for all services, chosen by the longest prefix of the path. Fastify is seen by this
// file only; routes, bodies and errors are the services' own, so it is told to leave every one of them alone.
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { Platform, Service } from "@micronova/kit";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { httpErrors } from "./errors.ts";
import type { Answer, HttpService, Incoming } from "./service.ts";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly key: string; readonly cert: string };
  /**
   * By path prefix: `{ "/compute/v2.1": computeService }`. The longest prefix wins; `/` takes what is left.
   */
  readonly services: Readonly<Record<string, HttpService>>;
  /** Exact paths outside all services, such as `/healthz` and `/metrics`. */
  readonly plain?: Readonly<Record<string, PlainHandler>>;
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

export function listen(platform: Platform, options: ListenOptions): HttpServer {
  const dispatch = dispatcher(platform, options);
  let fastify: FastifyInstance | null = null;
  let port = options.port;
  return {
    name: "http",
    get port() {
      return port;
    },
    async start() {
      fastify = await makeFastify(options, dispatch);
      port = await bind(fastify, options);
      platform.log.info({ host: options.host, port }, "http server listens");
    },
    async stop() {
      if (fastify === null) return;
      const closing = fastify.close();
      const late = new AbortController();
      const bounded = platform.clock.sleep(stopWaitsMs, late.signal).then(
        () => fastify?.server.closeAllConnections(),
        () => {},
      );
      await Promise.race([closing, bounded.then(() => closing)]);
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
    return found.service.answer(platform, incoming);
  };
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

async function makeFastify(options: ListenOptions, dispatch: Dispatch): Promise<FastifyInstance> {
  // Loaded when a port is wanted: it takes as long to load as everything else here.
  const { fastify: make } = await import("fastify");
  const isTls = options.tls !== undefined;
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const { raw } = request;
    const told = await dispatch({
      method: request.method,
      url: raw.url ?? "/",
      headers: raw.headers,
      stream: raw,
      remoteAddress: raw.socket.remoteAddress ?? "",
      isTls,
    });
    reply.code(told.status).headers(told.headers);
    // As bytes: to text Fastify would add a charset, which OpenStack's services do not send with JSON.
    return reply.send(typeof told.body === "string" ? Buffer.from(told.body) : (told.body ?? undefined));
  };
  const common = {
    logger: false,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    exposeHeadRoutes: false,
    connectionTimeout: idleMs,
  };
  // Paths that are no valid URL still get an answer of ours.
  const frameworkErrors = (_error: Error, request: FastifyRequest, reply: FastifyReply) =>
    answer(request, reply);
  const instance: FastifyInstance = isTls
    ? // The two servers differ only in their socket's type.
      (make({ ...common, frameworkErrors, https: options.tls }) as unknown as FastifyInstance)
    : make({ ...common, frameworkErrors });
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser("*", (_request, _payload, done) => done(null));
  instance.all("*", answer);
  instance.setNotFoundHandler(answer);
  return instance;
}

async function bind(fastify: FastifyInstance, { host, port }: ListenOptions): Promise<number> {
  try {
    await fastify.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "EADDRINUSE") throw httpErrors.portTaken(host, port);
    if (code === "EACCES" || code === "EADDRNOTAVAIL") throw httpErrors.notListening(host, port, code);
    throw error;
  }
  const address = fastify.server.address();
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
