// What every kind of exchange can do: hold bindings, and name the targets of a message. Pure; targets are
// opaque.
import type { ExchangeKind, Headers } from "../bus.ts";
import { directRouter } from "./direct.ts";
import { fanoutRouter } from "./fanout.ts";
import { headersRouter } from "./headers.ts";
import { topicRouter } from "./topic.ts";

export interface Route {
  readonly key: string;
  readonly headers?: Headers;
}

export interface Router<T> {
  /** Binding twice is binding once. */
  bind(route: Route, target: T): void;
  unbind(route: Route, target: T): void;
  /** The targets of a message, each once. */
  targets(route: Route): readonly T[];
  readonly isEmpty: boolean;
}

const routers: Readonly<Record<ExchangeKind, <T>() => Router<T>>> = {
  direct: directRouter,
  topic: topicRouter,
  fanout: fanoutRouter,
  headers: headersRouter,
};

export function routerOf<T>(kind: ExchangeKind): Router<T> {
  return routers[kind]<T>();
}
