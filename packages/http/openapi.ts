// OpenAPI 3.1 of a service's routes at its newest version: paths, parameters, bodies and who may.
import type { TSchema } from "typebox";
import { type AnyAction, type AnyRoute, actionBody } from "./routes.ts";
import { type PlainSchema, schemaAt } from "./schemas.ts";
import type { ServiceOptions } from "./service.ts";
import { covers, type History, unversioned, type Version } from "./versions.ts";

export function openApi<D>(options: ServiceOptions<D>): object {
  const version = options.history?.max ?? unversioned;
  const paths: Record<string, Record<string, object>> = {};
  for (const route of options.routes.filter((one) => covers(one, version))) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    const methods = paths[path] ?? {};
    methods[route.method.toLowerCase()] = operation(route, version);
    paths[path] = methods;
  }
  return {
    openapi: "3.1.0",
    info: { title: options.name, version, ...changesOf(options.history) },
    components: { securitySchemes: { token: { type: "apiKey", in: "header", name: "X-Auth-Token" } } },
    paths,
  };
}

function changesOf(history: History | undefined): object {
  return history === undefined ? {} : { "x-microversions": history.changes };
}

function operation<D>(route: AnyRoute<D>, version: Version): object {
  const actions = route.actions?.filter((action) => covers(action, version));
  const isOpen = route.policy === null && actions === undefined;
  const body = bodyOf(route, actions, version);
  return {
    summary: route.summary,
    parameters: [...pathParameters(route.path), ...queryParameters(route.query, version)],
    ...(body === null ? {} : { requestBody: body }),
    responses: {
      [route.success]: { description: "Success." },
      default: { description: "An error of the service." },
    },
    ...(isOpen ? {} : { security: [{ token: [] }] }),
    ...(route.policy === null ? {} : { "x-policy": route.policy }),
    ...(route.since === undefined ? {} : { "x-since": route.since }),
  };
}

function bodyOf<D>(
  route: AnyRoute<D>,
  actions: readonly AnyAction<D>[] | undefined,
  version: Version,
): object | null {
  if (actions !== undefined) {
    const schemas = actions.map((action) => ({
      ...schemaAt(actionBody(action), version),
      description: action.summary,
      "x-policy": action.policy,
    }));
    return { required: true, content: { "application/json": { schema: { oneOf: schemas } } } };
  }
  if (route.body === undefined) return null;
  const types = route.accepts ?? [route.body === "stream" ? "application/octet-stream" : "application/json"];
  const schema: PlainSchema = route.body === "stream" ? {} : (schemaAt(route.body, version) ?? {});
  return { required: true, content: Object.fromEntries(types.map((type) => [type, { schema }])) };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: TSchema | undefined, version: Version): object[] {
  const properties = query === undefined ? undefined : schemaAt(query, version)?.["properties"];
  if (typeof properties !== "object" || properties === null) return [];
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }));
}
