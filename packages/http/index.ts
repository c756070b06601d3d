// The service kit: routes as values, microversions as data, validation, faults in each service's dialect,
// policy.

// Schemas are TypeBox's; packages take its words from here, so that one version of it is in use.
export { default as Type, type Static, type TSchema } from "typebox";
export { check } from "./body.ts";
export type { Dialect, FaultView, Problem, RenderedFault } from "./dialects/dialect.ts";
export { glanceDialect } from "./dialects/glance.ts";
export { keystoneDialect } from "./dialects/keystone.ts";
export { neutronDialect } from "./dialects/neutron.ts";
export { novaDialect } from "./dialects/nova.ts";
export { placementDialect } from "./dialects/placement.ts";
export { httpErrors } from "./errors.ts";
export {
  type AnsweredRequest,
  type HttpServer,
  type InjectRequest,
  type InjectResponse,
  type ListenOptions,
  listen,
  type PlainHandler,
} from "./listen.ts";
export { nextLinks, nextUrl, type Page, pageOf } from "./paging.ts";
export { allows, type Policies, type Rule } from "./policy.ts";
export {
  type Action,
  type AnyAction,
  type AnyRoute,
  type ApiContext,
  type ApiRequest,
  actionRoute,
  actionsOf,
  type Method,
  type Reply,
  type Route,
  reply,
  routesOf,
} from "./routes.ts";
export { eitherVersion, type PlainSchema, schemaAt, versioned } from "./schemas.ts";
export {
  type Answer,
  type Authenticator,
  type HttpService,
  type Incoming,
  type ServiceOptions,
  service,
} from "./service.ts";
export { between, type History, type Span, since, until, type Version } from "./versions.ts";
export {
  always,
  betweenField,
  type Field,
  render,
  sinceField,
  untilField,
  type View,
  type ViewContext,
} from "./views.ts";
