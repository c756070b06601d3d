// One request from its bytes to its answer: route, version, token, policy, body, handler, answer. In this
// order, so that nothing is told to those who may not know it, and nothing is parsed for those who may not
// ask it.
import { Readable } from "node:stream";
import type { Platform } from "@micronova/kit";
import { check, checkType, parseQuery, readJson } from "./body.ts";
import { httpErrors } from "./errors.ts";
import { faultAnswer } from "./faults.ts";
import { may } from "./policy.ts";
import { type Router, router } from "./router.ts";
import {
  type AnyAction,
  type AnyRoute,
  type ApiContext,
  type ApiRequest,
  actionBody,
  isReply,
} from "./routes.ts";
import type { Answer, Incoming, ServiceOptions } from "./service.ts";
import { covers, negotiate, unversioned, type Version, versionHeaders } from "./versions.ts";
import { render } from "./views.ts";

// OpenStack's own limit of a JSON body.
const bodyBytesMaxDefault = 114_688;

export function pipeline<D>(options: ServiceOptions<D>) {
  let routes: Router<AnyRoute<D>> | null = null;
  return async (platform: Platform, incoming: Incoming): Promise<Answer> => {
    const started = platform.clock.monotonic();
    const requestId = `req-${platform.random.uuid()}`;
    // Built by the first request: a process that only reads the routes does not need it.
    routes ??= router(options.routes);
    const exchange = {
      options,
      routes,
      platform,
      incoming,
      requestId,
      version: options.history?.min ?? unversioned,
      context: null,
    };
    const answer = await answerTo(exchange);
    record(exchange, answer.status, platform.clock.monotonic() - started);
    return answer;
  };
}

interface Exchange<D> {
  readonly options: ServiceOptions<D>;
  readonly routes: Router<AnyRoute<D>>;
  readonly platform: Platform;
  readonly incoming: Incoming;
  readonly requestId: string;
  /** The negotiated version, once it is known. */
  version: Version;
  /** Who asks, once the token is checked. */
  context: ApiContext | null;
}

async function answerTo<D>(exchange: Exchange<D>): Promise<Answer> {
  const { options, incoming, requestId } = exchange;
  let answer: Answer;
  try {
    answer = await perform(exchange);
  } catch (error) {
    answer = faultAnswer(error, exchange);
  }
  const headers: Record<string, string> = { "x-openstack-request-id": requestId };
  if (options.history !== undefined) {
    // Nova's and Cinder's older name of the same id, which their clients still read.
    headers["x-compute-request-id"] = requestId;
    Object.assign(headers, versionHeaders(options.history, exchange.version));
  }
  const bodiless = incoming.method === "HEAD" && !(answer.body instanceof Readable);
  return { ...answer, headers: { ...headers, ...answer.headers }, body: bodiless ? null : answer.body };
}

async function perform<D>(exchange: Exchange<D>): Promise<Answer> {
  const { options, incoming } = exchange;
  const found = findRoute(exchange);
  if (options.history !== undefined) exchange.version = negotiate(options.history, plainHeaders(incoming));
  const route = found.routes.find((one) => covers(one, exchange.version));
  if (route === undefined) throw httpErrors.noRoute();

  const isOpen = route.policy === null && route.actions === undefined;
  const context = isOpen ? nobody(exchange) : await authenticated(exchange);
  exchange.context = context;
  if (found.projectId !== null && !isOpen) checkProject(found.projectId, context);
  const request = requestOf(exchange, context, found);
  if (route.actions !== undefined) return performAction(exchange, request, route.actions);

  if (route.policy !== null) request.demand(route.policy);
  const query = await checkedQuery(exchange, route);
  const body = await checkedBody(exchange, route);
  const said = await route.handle({ ...request, query, body }, options.deps);
  return answerOf(said, route.success);
}

interface Found<D> {
  readonly routes: readonly AnyRoute<D>[];
  readonly params: Readonly<Record<string, string>>;
  readonly projectId: string | null;
  readonly baseUrl: string;
}

// A project's id as clients put it first in a path: no collection is named like it.
const projectPrefix = /^\/([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=\/|$)/;

function findRoute<D>({ options, routes, incoming }: Exchange<D>): Found<D> {
  const prefix = options.projectInPath === true ? projectPrefix.exec(incoming.path) : null;
  const projectId = prefix?.[1] ?? null;
  const path = incoming.path.slice(prefix?.[0].length ?? 0);
  const baseUrl = `${incoming.baseUrl}${prefix?.[0] ?? ""}`;
  const direct = routes.find(incoming.method, path);
  // A HEAD without a route of its own is a GET whose body is not sent.
  const found =
    incoming.method === "HEAD" && (direct === null || "allowed" in direct)
      ? routes.find("GET", path)
      : direct;
  if (found === null) throw httpErrors.noRoute();
  if ("allowed" in found) throw httpErrors.wrongMethod(incoming.method, found.allowed.join(", "));
  return { ...found, projectId, baseUrl };
}

async function authenticated<D>(exchange: Exchange<D>): Promise<ApiContext> {
  const { options, incoming, requestId } = exchange;
  const token = plainHeaders(incoming)["x-auth-token"];
  const context = token === undefined ? null : await options.authenticator.authenticate(token);
  if (context === null) throw httpErrors.unauthorized();
  return { ...context, requestId, globalRequestId: globalId(incoming) };
}

/** Who asks where no token is needed. */
function nobody<D>({ incoming, requestId }: Exchange<D>): ApiContext {
  return {
    requestId,
    globalRequestId: globalId(incoming),
    userId: null,
    userName: null,
    userDomainId: null,
    projectId: null,
    projectName: null,
    projectDomainId: null,
    domainId: null,
    roles: [],
    isAdmin: false,
    isSystem: false,
    token: null,
  };
}

const requestIdPattern = /^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function globalId(incoming: Incoming): string | null {
  const given = plainHeaders(incoming)["x-openstack-request-id"];
  return given !== undefined && requestIdPattern.test(given) ? given : null;
}

function checkProject(asked: string, context: ApiContext): void {
  const own = context.projectId ?? "None";
  if (asked.replaceAll("-", "") !== own.replaceAll("-", "")) throw httpErrors.projectMismatch(asked, own);
}

function plainHeaders(incoming: Incoming): Readonly<Record<string, string | undefined>> {
  // Node joins repeated headers; only Set-Cookie, which servers send, stays a list.
  return incoming.headers as Readonly<Record<string, string | undefined>>;
}

/** The request as handlers see it, before its query and body are checked. */
function requestOf<D>(exchange: Exchange<D>, context: ApiContext, found: Found<D>): ApiRequest<never, never> {
  const { options, incoming, version } = exchange;
  const { params, baseUrl } = found;
  const allowed = (rule: string) => may(options.policies, rule, context);
  const view = { context, baseUrl, version, may: allowed };
  return {
    context,
    params,
    // Filled in by the caller, from the route's schemas.
    body: undefined as never,
    query: undefined as never,
    version,
    does: (span) => covers(span, version),
    may: allowed,
    demand(rule) {
      if (!allowed(rule)) throw httpErrors.forbidden(rule);
    },
    headers: plainHeaders(incoming),
    baseUrl,
    origin: incoming.origin,
    url: incoming.url,
    remoteAddress: incoming.remoteAddress,
    stream: incoming.stream,
    render: (fields, value) => render(fields, value, view),
  };
}

async function checkedQuery<D>(
  { options, incoming, version }: Exchange<D>,
  route: AnyRoute<D>,
): Promise<never> {
  const value = parseQuery(incoming.query);
  const schema = route.query;
  const checked =
    schema === undefined
      ? value
      : await check({ schema, value, version, where: "query", dialect: options.dialect });
  // Of the type the route's schema says, which was just checked.
  return checked as never;
}

async function checkedBody<D>(exchange: Exchange<D>, route: AnyRoute<D>): Promise<never> {
  const { options, version } = exchange;
  const schema = route.body;
  if (schema === "stream" && route.accepts !== undefined) {
    checkType(plainHeaders(exchange.incoming), route.accepts);
  }
  // Handlers of such routes have no body to look at.
  if (schema === undefined || schema === "stream") return undefined as never;
  const value = await readBody(exchange, route.accepts);
  // Of the type the route's schema says, which was just checked.
  return (await check({ schema, value, version, where: "body", dialect: options.dialect })) as never;
}

function readBody<D>({ options, incoming }: Exchange<D>, accepts: readonly string[] = ["application/json"]) {
  const bytesMax = options.bodyBytesMax ?? bodyBytesMaxDefault;
  return readJson(incoming.stream, plainHeaders(incoming), { bytesMax, accepts });
}

async function performAction<D>(
  exchange: Exchange<D>,
  request: ApiRequest<never, never>,
  actions: readonly AnyAction<D>[],
): Promise<Answer> {
  const { options, version } = exchange;
  const whole = await readBody(exchange);
  const names =
    typeof whole === "object" && whole !== null && !Array.isArray(whole) ? Object.keys(whole) : [];
  const [name] = names;
  if (name === undefined || names.length > 1) throw httpErrors.bodyMalformed();
  const named = actions.filter((action) => action.name === name);
  if (named.length === 0) throw httpErrors.noAction(name);
  const action = named.find((one) => covers(one, version));
  if (action === undefined) throw httpErrors.noRoute();
  request.demand(action.policy);
  const { dialect } = options;
  await check({ schema: bodySchema(action), value: whole, version, where: "body", dialect });
  // Just checked: the value under the name has the action's type.
  const body = Reflect.get(Object(whole), name) as never;
  return answerOf(await action.handle({ ...request, body }, options.deps), action.success);
}

const bodySchemas = new WeakMap<object, ReturnType<typeof actionBody>>();

function bodySchema<D>(action: AnyAction<D>): ReturnType<typeof actionBody> {
  const known = bodySchemas.get(action);
  if (known !== undefined) return known;
  const fresh = actionBody(action);
  bodySchemas.set(action, fresh);
  return fresh;
}

const jsonHeaders = { "Content-Type": "application/json" };

/** What a handler said, as status, headers and bytes. */
function answerOf(said: unknown, success: number): Answer {
  if (!isReply(said)) return jsonAnswer(said, success);
  const { status = success, headers = {}, body } = said;
  if (body instanceof Readable || Buffer.isBuffer(body)) return { status, headers, body };
  const isText = typeof body === "string" && ("Content-Type" in headers || "content-type" in headers);
  if (isText) return { status, headers, body };
  const answer = jsonAnswer(body, status);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

function jsonAnswer(body: unknown, status: number): Answer {
  if (body === undefined || body === null || status === 204) return { status, headers: {}, body: null };
  return { status, headers: jsonHeaders, body: JSON.stringify(body) };
}

function record<D>(exchange: Exchange<D>, status: number, ms: number): void {
  const { options, platform, incoming, requestId, context } = exchange;
  const labels = { service: options.name, method: incoming.method, status: String(status) };
  platform.metrics.count("micronova_http_requests_total", labels);
  platform.metrics.seconds("micronova_http_request_duration_seconds", ms / 1000, { service: options.name });
  const fields = {
    ...labels,
    requestId,
    globalRequestId: context?.globalRequestId ?? undefined,
    userId: context?.userId ?? undefined,
    projectId: context?.projectId ?? undefined,
    path: incoming.path,
    ms: Math.round(ms * 10) / 10,
  };
  if (incoming.method === "GET" || incoming.method === "HEAD") platform.log.debug(fields, "request answered");
  else platform.log.info(fields, "request answered");
}
