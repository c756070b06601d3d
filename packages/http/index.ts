// The service kit: routes as values, microversions as data, validation, faults in each service's dialect, policy.
import type { Readable } from "node:stream";
import type { Platform, RequestContext, Service } from "@micronova/kit";
import type { Static, TSchema } from "typebox";

/** A microversion such as `2.79`: compared by its two numbers, so 2.9 comes before 2.10. */
export type Version = string;

/** The versions for which something exists; both ends included. */
export interface Span {
  readonly since?: Version;
  readonly until?: Version;
}
export declare function since(version: Version): Span;
export declare function until(version: Version): Span;
export declare function between(first: Version, last: Version): Span;

// --- Views: how an answer looks at a version -------------------------------------------------------------------------

/** What a view's getters may know besides the value. */
export interface ViewContext {
  readonly context: ApiContext;
  /** The service's own root as the client addressed it, without a trailing slash: `http://127.0.0.1:8774/compute/v2.1`. */
  readonly baseUrl: string;
  readonly version: Version;
}
export interface Field<T> extends Span {
  readonly get: (from: T, view: ViewContext) => unknown;
  /** Shown only to administrators. */
  readonly adminOnly?: boolean;
}
/** A field is one meaning, or several with disjoint spans; `undefined` from a getter leaves the key out. */
export type View<T> = Readonly<Record<string, Field<T> | readonly Field<T>[]>>;
export declare function always<T>(get: Field<T>["get"]): Field<T>;
export declare function sinceField<T>(version: Version, get: Field<T>["get"]): Field<T>;
export declare function untilField<T>(version: Version, get: Field<T>["get"]): Field<T>;
/** The view at a version, compiled once: a flat list of getters with no version checks left in it. */
export declare function render<T>(view: View<T>, value: T, at: ViewContext): Record<string, unknown>;

// --- Schemas: TypeBox, whose parts may carry spans -----------------------------------------------------------------

/** Marks a property's schema as existing only in these versions: `versioned(since("2.19"), Type.String())`. */
export declare function versioned<S extends TSchema>(span: Span, schema: S): S;
/** A property whose schema differs by version: `either([until("2.36"), A], [since("2.37"), B])`. */
export declare function eitherVersion<A extends TSchema, B extends TSchema>(
  first: readonly [Span, A],
  second: readonly [Span, B],
): TSchema & { readonly static: Static<A> | Static<B> };

// --- Requests and routes ---------------------------------------------------------------------------------------------

/** Who asks, from the token. */
export interface ApiContext extends RequestContext {
  readonly userName: string | null;
  readonly userDomainId: string | null;
  readonly projectName: string | null;
  readonly projectDomainId: string | null;
  readonly domainId: string | null;
  readonly isSystem: boolean;
  readonly token: string | null;
}

export interface ApiRequest<B, Q> {
  readonly context: ApiContext;
  readonly params: Readonly<Record<string, string>>;
  readonly body: B;
  readonly query: Q;
  readonly version: Version;
  /** Whether a behaviour declared with this span holds at the request's version. */
  does(span: Span): boolean;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly baseUrl: string;
  /** The address the client used, without a path: `http://127.0.0.1:8774`. */
  readonly origin: string;
  /** The path and query as asked, for links to the next page. */
  readonly url: string;
  readonly remoteAddress: string;
  /** The unread body of a route with `body: "stream"`. */
  readonly stream: Readable;
  /** Renders by a view at the request's version. */
  render<T>(view: View<T>, value: T): Record<string, unknown>;
}

/** What a handler answers when status, headers or a stream matter; a plain value is the JSON body with `success`. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, a stream of bytes, or null for no body. */
  readonly body: unknown | Readable | null;
}
export declare function reply(answer: Reply): Reply;

export interface Route<D, B extends TSchema = TSchema, Q extends TSchema = TSchema> extends Span {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  /** `/servers/:server_id/action` */
  readonly path: string;
  /** A rule of the service's policy table; `null` needs no token at all. */
  readonly policy: string | null;
  /** `stream` hands the bytes over unread; absent means that a body is ignored. */
  readonly body?: B | "stream";
  readonly query?: Q;
  readonly success: 200 | 201 | 202 | 204 | 300;
  /** One sentence for the reference pages and OpenAPI. */
  readonly summary: string;
  handle(request: ApiRequest<Static<B>, Static<Q>>, deps: D): Promise<unknown>;
}
// biome-ignore lint/suspicious/noExplicitAny: stands for every route, whatever its body and query.
export type AnyRoute<D> = Route<D, any, any>;
/** Gives a package's routes their dependencies' type: `const route = routesOf<ComputeDeps>(); route({ … })`. */
export declare function routesOf<D>(): <B extends TSchema, Q extends TSchema>(
  route: Route<D, B, Q>,
) => Route<D, B, Q>;

/** Routes such as `POST /servers/:id/action` whose body is `{ "<name>": … }`: one entry an action. */
export interface Action<D, B extends TSchema = TSchema> extends Span {
  readonly name: string;
  readonly policy: string;
  readonly schema: B;
  readonly success: 200 | 202 | 204;
  readonly summary: string;
  handle(request: ApiRequest<Static<B>, never>, deps: D): Promise<unknown>;
}

// --- Policy, faults, services ------------------------------------------------------------------------------------------

/** Who may: `anyone` with a token, a role on the project (each implies the next: admin, member, reader), or an administrator. */
export type Rule = "anyone" | "reader" | "member" | "admin" | ((context: ApiContext) => boolean);
export type Policies = Readonly<Record<string, Rule>>;

/** How a service words its errors. */
export interface Dialect {
  render(fault: FaultView): {
    readonly contentType: string;
    readonly body: string;
    readonly headers?: Record<string, string>;
  };
}
export interface FaultView {
  readonly status: number;
  readonly message: string;
  readonly type: string | null;
  readonly requestId: string;
}

/** Turns a token into who asks; null when it is not valid. Implemented by identity, handed in by cloud. */
export interface Authenticator {
  authenticate(token: string): Promise<ApiContext | null>;
}

/** A service's microversions: the header's service type, and what each version brought. */
export interface History {
  /** `compute` for `OpenStack-API-Version: compute 2.79`; legacy headers such as `X-OpenStack-Nova-API-Version` besides. */
  readonly serviceType: string;
  readonly legacyHeader?: string;
  readonly min: Version;
  readonly max: Version;
  readonly changes: Readonly<Record<Version, string>>;
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
}
export interface HttpService {
  readonly name: string;
  readonly routes: readonly AnyRoute<never>[];
  /** OpenAPI 3.1 of the routes at the newest version. */
  openApi(): object;
}
export declare function service<D>(options: ServiceOptions<D>): HttpService;

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** By path prefix: `{ "/compute/v2.1": computeService }`. The longest prefix wins. */
  readonly services: Readonly<Record<string, HttpService>>;
}
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
  readonly body?: unknown;
}
export interface InjectResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}
export declare function listen(platform: Platform, options: ListenOptions): HttpServer;

// --- Common pieces of list routes ---------------------------------------------------------------------------------------

/** Marker paging: `limit` and `marker` checked, capped at `max`. */
export interface Page {
  readonly limit: number;
  readonly marker: string | null;
}
