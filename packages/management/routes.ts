// Routes of the management API as values, and what their handlers are given and answer.
import type { Broker, VirtualHost } from "@micronova/amqp";
import type { Incoming } from "@micronova/http/plain";
import { type Caller, type Guard, mayUse } from "./caller.ts";
import { managementErrors } from "./errors.ts";
import type { Node } from "./node.ts";
import type { Rates } from "./rates.ts";

/** JSON of any shape, as answers are made of it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A request whose caller may make it. */
export interface Asked {
  readonly broker: Broker;
  readonly node: Node;
  readonly rates: Rates;
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Incoming["headers"];
  /** The body; `{}` for none. Throws for what is no JSON object. */
  json(): Promise<JsonObject>;
}

export interface Named {
  readonly name: string;
}

/** Things of which clients may ask for one page: what is not on it is not looked at. */
export interface Pages {
  readonly things: readonly Named[];
  view(thing: Named): JsonObject;
}

/** What a handler answers. A list may be sorted, cut into pages and columns; another value into columns. */
export type Result =
  | { readonly list: readonly JsonObject[] }
  | { readonly pages: Pages }
  | { readonly value: unknown; readonly status: number }
  | { readonly status: 201 | 204; readonly location?: string };

export interface Route {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly guard: Guard;
  handle(asked: Asked): Result | Promise<Result>;
}

export function route(method: Route["method"], path: string, guard: Guard, handle: Route["handle"]): Route {
  return { method, path, guard, handle };
}

export const list = (items: readonly JsonObject[]): Result => ({ list: items });
export function pages<T extends Named>(things: readonly T[], view: (thing: T) => JsonObject): Result {
  // The view is called with these things alone.
  return { pages: { things, view: view as Pages["view"] } };
}
export const value = (given: unknown, status = 200): Result => ({ value: given, status });
export const created = (location?: string): Result =>
  location === undefined ? { status: 201 } : { status: 201, location };
export const noContent: Result = { status: 204 };
/** Whether a PUT made something or found it there. */
export const put = (isNew: boolean): Result => (isNew ? created() : noContent);

export function param({ params }: Asked, name: string): string {
  // The path of the route says which there are.
  return params[name] ?? "";
}

/** The virtual host of the path. */
export function hostOf({ broker, params }: Asked): VirtualHost {
  const host = broker.hosts.get(params["vhost"] ?? "");
  if (host === undefined) throw managementErrors.noObject();
  return host;
}

/** The virtual hosts in which the caller sees queues and exchanges. */
export function hostsOf({ broker, caller }: Asked): readonly VirtualHost[] {
  return [...broker.hosts.values()].filter(({ name }) => mayUse(caller, name));
}

/** What there is under a name, or the answer that there is none. */
export function found<T>(object: T | null | undefined): T {
  if (object === null || object === undefined) throw managementErrors.noObject();
  return object;
}

export const byName = (one: { readonly name: string }, other: { readonly name: string }): number =>
  one.name < other.name ? -1 : 1;
