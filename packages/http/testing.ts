// What tests of services pass: contexts without a token service, a server without a socket, and a comparer of
// shapes.
import type { Platform } from "@micronova/kit";
import { type HttpServer, type InjectResponse, listen } from "./listen.ts";
import type { ApiContext } from "./routes.ts";
import type { Authenticator, HttpService } from "./service.ts";

export interface TestContextOptions {
  readonly admin?: boolean;
  readonly projectId?: string;
  readonly userId?: string;
  readonly roles?: readonly string[];
}

/** A member of a project, or an administrator; ids are fixed so that what is stored is repeatable. */
export function testContext(options: TestContextOptions = {}): ApiContext {
  const isAdmin = options.admin ?? false;
  return {
    requestId: "req-00000000-0000-4000-8000-000000000000",
    userId: options.userId ?? (isAdmin ? "a".repeat(32) : "b".repeat(32)),
    userName: isAdmin ? "admin" : "demo",
    userDomainId: "default",
    projectId: options.projectId ?? (isAdmin ? "1".repeat(32) : "2".repeat(32)),
    projectName: isAdmin ? "admin" : "demo",
    projectDomainId: "default",
    domainId: null,
    roles: options.roles ?? (isAdmin ? ["admin", "manager", "member", "reader"] : ["member", "reader"]),
    isAdmin,
    isSystem: false,
    token: null,
  };
}

/** Tokens are names of contexts: `admin` and `member` always, and those given. */
export function testAuthenticator(contexts: Readonly<Record<string, ApiContext>> = {}): Authenticator {
  const known: Readonly<Record<string, ApiContext>> = {
    admin: testContext({ admin: true }),
    member: testContext(),
    ...contexts,
  };
  return {
    authenticate: (token) =>
      Promise.resolve(Object.hasOwn(known, token) ? { ...known[token]!, token } : null),
  };
}

export interface TestServer {
  readonly server: HttpServer;
  /** Asks as the named context; `null` sends no token. */
  call(
    token: string | null,
    method: string,
    url: string,
    options?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<InjectResponse>;
}

/** The services under their prefixes, without a socket. */
export function testServer(platform: Platform, services: Readonly<Record<string, HttpService>>): TestServer {
  const server = listen(platform, { host: "127.0.0.1", port: 8774, services });
  return {
    server,
    call: (token, method, url, options = {}) =>
      server.inject({
        method,
        url,
        headers: {
          accept: "application/json",
          ...(token === null ? {} : { "x-auth-token": token }),
          ...options.headers,
        },
        ...(options.body === undefined ? {} : { body: options.body }),
      }),
  };
}

export interface ShapeOptions {
  /**
   * Paths such as `server.fault` where the sample has a key that this answer rightly lacks, or the reverse.
   */
  readonly except?: readonly string[];
}

/**
 * How the answer's shape differs from the sample's: keys, nesting and JSON types. Null may stand for
 * anything, every element of a list is held against the sample's first, and an empty list or object says
 * nothing of what it would hold.
 */
export function sameShape(answer: unknown, sample: unknown, options: ShapeOptions = {}): string[] {
  return differences(answer, sample, "").filter(
    (difference) => !(options.except ?? []).some((path) => difference.startsWith(`${path}:`)),
  );
}

function differences(answer: unknown, sample: unknown, at: string): string[] {
  const kind = kindOf(answer);
  const wanted = kindOf(sample);
  if (kind === "null" || wanted === "null") return [];
  if (kind !== wanted) return [`${at}: is ${kind}, sample has ${wanted}`];
  if (Array.isArray(answer) && Array.isArray(sample)) {
    if (sample.length === 0) return [];
    return answer.flatMap((item, index) => differences(item, sample[0], `${at}[${index}]`));
  }
  return isObject(answer) && isObject(sample) ? objectDifferences(answer, sample, at) : [];
}

type JsonObject = Readonly<Record<string, unknown>>;

function objectDifferences(answer: JsonObject, sample: JsonObject, at: string): string[] {
  if (Object.keys(sample).length === 0 || Object.keys(answer).length === 0) return [];
  const path = (key: string) => (at === "" ? key : `${at}.${key}`);
  const missing = Object.keys(sample).filter((key) => !Object.hasOwn(answer, key));
  const extra = Object.keys(answer).filter((key) => !Object.hasOwn(sample, key));
  const shared = Object.keys(answer).filter((key) => Object.hasOwn(sample, key));
  return [
    ...missing.map((key) => `${path(key)}: is missing`),
    ...extra.map((key) => `${path(key)}: is not in the sample`),
    ...shared.flatMap((key) => differences(answer[key], sample[key], path(key))),
  ];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
