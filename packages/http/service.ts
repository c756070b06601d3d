// A service: its routes, policy, dialect and history, and the door through which requests come in.
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Platform } from "@micronova/kit";
import type { Dialect } from "./dialects/dialect.ts";
import { openApi } from "./openapi.ts";
import { pipeline } from "./pipeline.ts";
import type { Policies } from "./policy.ts";
import type { AnyRoute, ApiContext } from "./routes.ts";
import type { History } from "./versions.ts";

/** Turns a token into who asks; null when it is not valid. Implemented by identity, handed in by cloud. */
export interface Authenticator {
  authenticate(token: string): Promise<ApiContext | null>;
}

export interface ServiceOptions<D> {
  readonly name: string;
  readonly routes: readonly AnyRoute<D>[];
  readonly deps: D;
  readonly policies: Policies;
  readonly dialect: Dialect;
  readonly authenticator: Authenticator;
  /** Absent for services without microversions. */
  readonly history?: History;
  /** JSON bodies above this are refused with 413. Default 114,688 (OpenStack's). */
  readonly bodyBytesMax?: number;
  /**
   * Whether clients may put their project's id before any path (Nova, Cinder). It must be the token's
   * project.
   */
  readonly projectInPath?: boolean;
}

/** A request as it came in, told where in the service it points. */
export interface Incoming {
  readonly method: string;
  /** Within the service, without the query: `/servers/detail`. */
  readonly path: string;
  readonly query: string;
  /** The path and query as asked. */
  readonly url: string;
  readonly origin: string;
  readonly baseUrl: string;
  readonly headers: IncomingHttpHeaders;
  readonly stream: Readable;
  readonly remoteAddress: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | Readable | null;
}

export interface HttpService {
  readonly name: string;
  readonly routes: readonly AnyRoute<never>[];
  readonly policies: Policies;
  readonly dialect: Dialect;
  /** Null for services without microversions. */
  readonly history: History | null;
  /** OpenAPI 3.1 of the routes at the newest version. */
  openApi(): object;
  /** Answers one request; never throws. */
  answer(platform: Platform, incoming: Incoming): Promise<Answer>;
}

export function service<D>(options: ServiceOptions<D>): HttpService {
  checkPolicies(options);
  const answer = pipeline(options);
  return {
    name: options.name,
    // Readers of the routes do not call their handlers.
    routes: options.routes as unknown as readonly AnyRoute<never>[],
    policies: options.policies,
    dialect: options.dialect,
    history: options.history ?? null,
    openApi: () => openApi(options),
    answer,
  };
}

/** Every rule that a route names is in the table: found at start, not by the first request. */
function checkPolicies<D>({ name, routes, policies }: ServiceOptions<D>): void {
  for (const route of routes) {
    const named = route.actions?.map((action) => action.policy) ?? [route.policy];
    for (const rule of named) {
      if (rule !== null && !Object.hasOwn(policies, rule)) {
        throw new Error(
          `${name}: ${route.method} ${route.path} names the policy rule ${rule}, which is in no table.`,
        );
      }
    }
  }
}
