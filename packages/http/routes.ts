// Routes and actions as values: what a service package writes, and what its handlers receive and answer.
import type { Readable } from "node:stream";
import type { RequestContext } from "@micronova/kit";
import Type, { type Static, type TSchema } from "typebox";
import type { Span, Version } from "./versions.ts";
import type { View } from "./views.ts";

/** Who asks, from the token. */
export interface ApiContext extends RequestContext {
  readonly userName: string | null;
  readonly userDomainId: string | null;
  readonly projectName: string | null;
  readonly projectDomainId: string | null;
  readonly domainId: string | null;
  readonly isSystem: boolean;
  readonly token: string | null;
  /** `req-<uuid>` of the service or client that asked, which joins the requests of one user's action. */
  readonly globalRequestId?: string | null;
}

export interface ApiRequest<B, Q> {
  readonly context: ApiContext;
  readonly params: Readonly<Record<string, string>>;
  readonly body: B;
  readonly query: Q;
  readonly version: Version;
  /** Whether a behaviour declared with this span holds at the request's version. */
  does(span: Span): boolean;
  /** Whether the policy allows the rule; `demand` throws the dialect's 403 when it does not. */
  may(rule: string): boolean;
  demand(rule: string): void;
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

/**
 * What a handler answers when status, headers or a stream matter; a plain value is the JSON body with
 * `success`.
 */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * JSON, bytes (a Buffer or a stream), or null for no body. Text with a `Content-Type` of its own is sent as
   * it is.
   */
  readonly body: unknown | Readable | null;
}

const replies = new WeakSet<object>();

export function reply(answer: Reply): Reply {
  replies.add(answer);
  return answer;
}

export function isReply(answer: unknown): answer is Reply {
  return typeof answer === "object" && answer !== null && replies.has(answer);
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";

export interface Route<D, B extends TSchema = TSchema, Q extends TSchema = TSchema> extends Span {
  readonly method: Method;
  /** `/servers/:server_id/action` */
  readonly path: string;
  /** A rule of the service's policy table; `null` needs no token at all. */
  readonly policy: string | null;
  /** `stream` hands the bytes over unread; absent means that a body is ignored. */
  readonly body?: B | "stream";
  /** Content types taken besides none; `application/json` when absent. */
  readonly accepts?: readonly string[];
  /** An object of strings; a repeated key needs an array, which one value alone becomes too. */
  readonly query?: Q;
  readonly success: 200 | 201 | 202 | 204 | 300;
  /** One sentence for the reference pages and OpenAPI. */
  readonly summary: string;
  /** Set by `actionRoute`: the body's one key chooses. */
  readonly actions?: readonly AnyAction<D>[];
  handle(request: ApiRequest<Static<B>, Static<Q>>, deps: D): Promise<unknown>;
}

// biome-ignore lint/suspicious/noExplicitAny: stands for every route, whatever its body and query.
export type AnyRoute<D> = Route<D, any, any>;

/**
 * Gives a package's routes their dependencies' type: `const route = routesOf<ComputeDeps>(); route({ … })`.
 */
export function routesOf<D>(): <B extends TSchema, Q extends TSchema>(
  route: Route<D, B, Q>,
) => Route<D, B, Q> {
  return (route) => route;
}

/** Routes such as `POST /servers/:id/action` whose body is `{ "<name>": … }`: one entry an action. */
export interface Action<D, B extends TSchema = TSchema> extends Span {
  readonly name: string;
  readonly policy: string;
  /** Of the value under the name; the handler's `request.body` is that value. */
  readonly schema: B;
  readonly success: 200 | 202 | 204;
  readonly summary: string;
  handle(request: ApiRequest<Static<B>, never>, deps: D): Promise<unknown>;
}

// biome-ignore lint/suspicious/noExplicitAny: stands for every action, whatever its body.
export type AnyAction<D> = Action<D, any>;

/**
 * Gives a package's actions their dependencies' type: `const action = actionsOf<ComputeDeps>(); action({ …
 * })`.
 */
export function actionsOf<D>(): <B extends TSchema>(action: Action<D, B>) => Action<D, B> {
  return (action) => action;
}

/** The one route behind a resource's actions. Each action has its own schema, policy, versions and status. */
export function actionRoute<D>(options: {
  readonly path: string;
  readonly actions: readonly AnyAction<D>[];
  readonly summary?: string;
}): AnyRoute<D> {
  return {
    method: "POST",
    path: options.path,
    policy: null,
    success: 202,
    summary: options.summary ?? "Runs the action that the body names.",
    actions: options.actions,
    handle: () => Promise.reject(new Error("The pipeline calls the action's own handler.")),
  };
}

/** The whole body of an action, from the schema of the value under its name. */
export function actionBody(action: Pick<AnyAction<never>, "name" | "schema">): TSchema {
  return Type.Object({ [action.name]: action.schema }, { additionalProperties: false });
}
