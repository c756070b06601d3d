// The management API as a service of HTTP: finds who asks and the route, and says what came of it. It
// answers requests itself instead of being put together by the service kit: its dialect, its authentication,
// its rights by tags and its shapes are RabbitMQ's, where the kit's are OpenStack's; it takes the kit's
// router and sockets.
import { Readable } from "node:stream";
import type { Broker } from "@micronova/amqp";
import { type Answer, type Incoming, readText, router } from "@micronova/http/plain";
import { isFault, type Platform, type Service } from "@micronova/kit";
import { routes } from "./api/index.ts";
import { assertAllowed, type Caller, type Doorkeeper } from "./caller.ts";
import { errorBody, managementErrors } from "./errors.ts";
import { metricsText } from "./metrics.ts";
import { type Listener, Node } from "./node.ts";
import { Rates } from "./rates.ts";
import { type Asked, found, type JsonObject, type Result, type Route } from "./routes.ts";
import { shaped } from "./shaping.ts";

export interface ManagementOptions {
  readonly broker: Broker;
  readonly doorkeeper: Doorkeeper;
  /** `micronova@host`. */
  readonly nodeName: string;
  readonly listeners: () => readonly Listener[];
  readonly dataDir: string | null;
  /** What anybody may read: the metrics of each queue by its name too, as with RabbitMQ, or totals. */
  readonly metrics: "all" | "totals";
}

export interface ManagementService extends Service {
  /** Answers one request; never throws. */
  answer(platform: Platform, incoming: Incoming): Promise<Answer>;
}

// RabbitMQ's own limit of what a body may hold; definitions are the longest.
const bodyBytesMax = 20_000_000;

export function managementService(options: ManagementOptions): ManagementService {
  const { broker, doorkeeper, metrics } = options;
  const node = new Node({ ...options, name: options.nodeName });
  const rates = new Rates(broker);
  const find = router(routes, { emptyParameters: true });
  const respond = async (incoming: Incoming): Promise<Answer> => {
    const { method, path } = incoming;
    const isPerObject = path === "/metrics/per-object";
    if (isPerObject && metrics === "totals") await admit(options, incoming);
    if (isPerObject || path === "/metrics")
      return {
        status: 200,
        headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
        body: Readable.from(metricsText({ broker, node }, isPerObject), { objectMode: false }),
      };
    if (!path.startsWith("/api/")) throw managementErrors.noObject();
    const caller = await admit(options, incoming);
    const isHead = method === "HEAD";
    const there = found(find.find(isHead ? "GET" : method, path.slice("/api".length)));
    if ("allowed" in there) return notThat(method, there.allowed);
    const [route] = there.routes as readonly [Route];
    assertAllowed(caller, route.guard, there.params["vhost"]);
    const query = new URLSearchParams(incoming.query);
    const asked: Asked = {
      broker,
      node,
      rates,
      caller,
      params: there.params,
      query,
      headers: incoming.headers,
      json: () => readObject(incoming),
    };
    return answerOf(await route.handle(asked), query);
  };
  return {
    name: "bus management",
    start: async () => rates.start(),
    stop: async () => rates.stop(),
    answer: (platform, incoming) =>
      respond(incoming).catch((error) => refusal(error, { platform, incoming, doorkeeper })),
  };
}

async function admit({ broker, doorkeeper }: ManagementOptions, incoming: Incoming): Promise<Caller> {
  try {
    const caller = await doorkeeper.admit(incoming);
    broker.httpAuth.count(true);
    return caller;
  } catch (error) {
    // A client without credentials only asks with what it should come.
    if (incoming.headers.authorization !== undefined) broker.httpAuth.count(false);
    throw error;
  }
}

async function answerOf(result: Result, query: URLSearchParams): Promise<Answer> {
  const status = "status" in result ? result.status : 200;
  const headers = { "Cache-Control": "no-cache", Vary: "accept, accept-encoding, origin" };
  if (!("status" in result) || "value" in result) return json(status, await shaped(result, query), headers);
  const { location } = result;
  return {
    status,
    headers: location === undefined ? headers : { ...headers, Location: location },
    body: null,
  };
}

function json(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { "Content-Type": "application/json", ...headers }, body };
}

/** Another method than the address has: OPTIONS asks which those are. */
function notThat(method: string, allowed: readonly string[]): Answer {
  const headers = { Allow: [...allowed, "HEAD", "OPTIONS"].join(", ") };
  return method === "OPTIONS"
    ? { status: 200, headers, body: null }
    : json(405, JSON.stringify(errorBody(managementErrors.wrongMethod(method))), headers);
}

async function readObject({ stream }: Incoming): Promise<JsonObject> {
  const text = await readText(stream, bodyBytesMax);
  if (text.trim() === "") return {};
  try {
    const read: unknown = JSON.parse(text);
    // Not an array: an object's fields are asked for by name.
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return read as JsonObject;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw managementErrors.badRequest("not_json");
}

interface Asking {
  readonly platform: Platform;
  readonly incoming: Incoming;
  readonly doorkeeper: Doorkeeper;
}

function refusal(error: unknown, { platform, incoming, doorkeeper }: Asking): Answer {
  const { challenge } = doorkeeper;
  if (isFault(error)) {
    const isStranger = isFault(error, managementErrors.loginFailed) && challenge !== null;
    return json(
      error.status,
      JSON.stringify(errorBody(error)),
      isStranger ? { "WWW-Authenticate": challenge } : {},
    );
  }
  platform.log.error({ error, url: incoming.url }, "a request to the bus' management failed");
  const body = { error: "internal_server_error", reason: "The broker failed; its log says how." };
  return json(500, JSON.stringify(body));
}
