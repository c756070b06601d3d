// Faults at the edge: what a client meets in the place of an answer, or after it. A connection is dropped by
// an answer whose body breaks off: whoever sends it ends the connection.
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import {
  type Answer,
  type Authenticator,
  type Dialect,
  type HttpService,
  type Incoming,
  keystoneDialect,
} from "@micronova/http";
import type { Platform, Uuid } from "@micronova/kit";
import { onBehalfOf } from "./callers.ts";
import type { ActionOf } from "./rule-schema.ts";
import type { Call, Hit, RuleTable } from "./rule-table.ts";
import { type SeededIds, shapeOf } from "./seeded-ids.ts";

/** What can be served, with the words its faults are told in if it has any. */
export type Served = Pick<HttpService, "name" | "answer"> & { readonly dialect?: Dialect };
export type ServedByPath = Readonly<Record<string, Served>>;

export interface HttpDoorDeps {
  readonly rules: RuleTable;
  readonly ids: SeededIds;
  readonly authenticator: Authenticator;
  /** Does not return. */
  readonly die: () => void;
}

/** Said with every answer. A request that says `off` in it meets no fault of the edge. */
const modeHeader = "x-micronova-faults";
const ruleHeader = "x-micronova-fault";
// Whatever the rules are, operators see and remove them.
const exempt = /^\/operations(\/|$)/;

type HttpHit = Hit<ActionOf<"http">>;

/** The same services, with faults. */
export function httpDoor(deps: HttpDoorDeps, services: ServedByPath): ServedByPath {
  const doors = Object.entries(services).map(([prefix, service]) => {
    const door: Served = {
      name: service.name,
      async answer(platform, incoming) {
        const isExempt = exempt.test(prefix) || incoming.headers[modeHeader] === "off";
        const request = { platform, incoming, service, path: prefix + incoming.path };
        const answer = await (isExempt ? service.answer(platform, incoming) : answered(deps, request));
        return { ...answer, headers: { [modeHeader]: "on", ...answer.headers } };
      },
    };
    return [prefix, door] as const;
  });
  return Object.fromEntries(doors);
}

interface Request {
  readonly platform: Platform;
  readonly incoming: Incoming;
  readonly service: Served;
  /** From the root, without the query. */
  readonly path: string;
}

async function answered(deps: HttpDoorDeps, request: Request): Promise<Answer> {
  const { platform, incoming, service, path } = request;
  const { rules, ids, die } = deps;
  const id = ids.next(`${incoming.method} ${shapeOf(path)}`);
  const requestId = `req-${id}`;
  const projectId = rules.asksFor("project") ? await projectOf(deps, incoming) : null;
  const hits = rules.decide("http", () => callOf(request, requestId, projectId));
  for (const { action } of hits) if (action.kind === "delay") await platform.clock.sleep(action.ms);
  if (hits.some(({ action }) => kills(action, "before"))) die();
  const instead = hits.map((hit) => insteadOf(request, requestId, hit)).find((one) => one !== null);
  const real = () => service.answer(withRequestId(platform, id), incoming);
  const from = { requestId, projectId, draw: ids.within(requestId) };
  const answer = instead ?? (await onBehalfOf(from, real));
  if (hits.some(({ action }) => kills(action, "after"))) die();
  return marked(hits.reduce(spoiled, answer), hits);
}

function kills(action: ActionOf<"http">, moment: "before" | "after"): boolean {
  return action.kind === "kill" && (action.moment ?? "before") === moment;
}

function callOf({ incoming, path }: Request, requestId: string, project: string | null): Call {
  const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${value}`);
  return {
    where: `${incoming.method} ${shapeOf(path)}`,
    requestId,
    facts: { method: incoming.method, path, header: headers, project, resource: path.split("/") },
  };
}

async function projectOf({ authenticator }: HttpDoorDeps, { headers }: Incoming): Promise<string | null> {
  const token = headers["x-auth-token"];
  const context = typeof token === "string" ? await authenticator.authenticate(token) : null;
  return context?.projectId ?? null;
}

/** A service draws one id for a request: its name. */
function withRequestId(platform: Platform, id: Uuid): Platform {
  return { ...platform, random: { ...platform.random, uuid: () => id } };
}

/** What is answered without asking the service; null when it is asked. */
function insteadOf(
  { incoming, service }: Request,
  requestId: string,
  { rule, action }: HttpHit,
): Answer | null {
  if (action.kind === "drop" && action.moment !== "after")
    return { status: 500, headers: { "x-openstack-request-id": requestId }, body: broken(rule) };
  if (action.kind !== "answer") return null;
  const {
    status,
    message = `Fault rule ${rule} asks for this answer.`,
    retry_after: retryAfter = null,
  } = action;
  const { contentType, body, headers } = (service.dialect ?? keystoneDialect).render({
    ...{ status, message, type: null, kind: null, params: [], requestId, version: "1.0", retryAfter },
    accept: incoming.headers.accept ?? "",
    origin: incoming.origin,
  });
  return {
    status,
    headers: {
      "Content-Type": contentType,
      ...headers,
      "x-openstack-request-id": requestId,
      ...(retryAfter === null ? {} : { "Retry-After": String(retryAfter) }),
    },
    body: incoming.method === "HEAD" ? null : body,
  };
}

/** The answer after what happens to it on its way. */
function spoiled(answer: Answer, { rule, action }: HttpHit): Answer {
  if (action.kind === "drop" && action.moment === "after") {
    if (answer.body instanceof Readable) answer.body.destroy();
    return { ...answer, body: broken(rule) };
  }
  return action.kind === "truncate" ? truncated(answer, rule, action.bytes ?? null) : answer;
}

function marked(answer: Answer, hits: readonly HttpHit[]): Answer {
  if (hits.length === 0) return answer;
  const rules = hits.map(({ rule }) => rule).join(", ");
  return { ...answer, headers: { ...answer.headers, [ruleHeader]: rules } };
}

const dropped = (rule: string) => new Error(`the connection is dropped, as fault rule ${rule} asks`);

function broken(rule: string): Readable {
  return new Readable({
    read() {
      this.destroy(dropped(rule));
    },
  });
}

// Of a body whose length is not known beforehand.
const bytesDefault = 1_024;

/** Promises the whole body and sends its beginning: the half of one that is at hand. */
function truncated(answer: Answer, rule: string, bytesMax: number | null): Answer {
  const { body } = answer;
  if (body === null) return answer;
  if (body instanceof Readable) {
    return { ...answer, body: Readable.from(beginningOf(body, bytesMax ?? bytesDefault, rule)) };
  }
  const bytes = Buffer.from(body);
  const beginning = beginningOf([bytes], bytesMax ?? Math.floor(bytes.length / 2), rule);
  const headers = { ...answer.headers, "Content-Length": String(bytes.length) };
  return { ...answer, headers, body: Readable.from(beginning) };
}

async function* beginningOf(
  body: AsyncIterable<Buffer> | Iterable<Buffer>,
  bytesMax: number,
  rule: string,
): AsyncGenerator<Buffer> {
  let left = bytesMax;
  for await (const chunk of body) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) break;
  }
  // What was sent is on the wire before its connection ends.
  await setImmediate();
  throw dropped(rule);
}
