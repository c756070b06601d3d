// The pages of the HTTP services: routes and actions, versions, policies, and OpenAPI.
import type { CloudReference } from "@micronova/cloud";
import type { AnyRoute, HttpService, Span } from "@micronova/http";
import { code, page, table } from "./markdown.ts";

type Mounted = readonly [path: string, service: HttpService];

/** One page for all that is mounted below one first part of the path: `/volume` and `/volume/v3`. */
export function apiPages({ services }: CloudReference): [string, string][] {
  const groups = Map.groupBy(Object.entries(services), ([path]) => path.split("/")[1]!);
  return [...groups].map(([name, mounted]) => [`api-${name}.md`, apiPage(name, mounted)]);
}

export function openApiFiles({ services }: CloudReference): [string, string][] {
  return Object.values(services).map((service) => [
    `openapi/${service.name}.json`,
    `${JSON.stringify(service.openApi(), null, 2)}\n`,
  ]);
}

export function microversionsPage({ services }: CloudReference): string {
  const sections = Object.values(services).flatMap(({ name, history }) => {
    if (history === null) return [];
    const headers = [`OpenStack-API-Version: ${history.serviceType} <version>`];
    if (history.legacyHeader !== undefined) headers.push(`${history.legacyHeader}: <version>`);
    return [
      `## ${name}`,
      `From ${history.min} to ${history.max}; asked for by ${headers.map(code).join(" or ")}.`,
      table(["Version", "Brought"], Object.entries(history.changes)),
    ];
  });
  const rule =
    "A request without a version gets the oldest, `latest` gets the newest. Versions are properties of routes, fields and " +
    "named behaviours; what a version below lists applies to that version and later ones.";
  return page("Microversions", rule, ...sections);
}

function apiPage(name: string, mounted: readonly Mounted[]): string {
  const isVersioned = mounted.some(([, { history }]) => history !== null);
  const routes = mounted.flatMap(([mount, { routes: all }]) =>
    all.map((route) => ({ ...route, path: mount + (route.path === "/" ? "/" : route.path) })),
  );
  const sorted = routes.toSorted(byPath);
  const rows = sorted.map((route) => [
    route.method,
    code(route.path),
    ...(isVersioned ? [versions(route)] : []),
    whoMay(route),
    String(route.success),
    route.summary,
  ]);
  const heads = ["Method", "Path", ...(isVersioned ? ["Versions"] : []), "Rule", "Answers", "Does"];
  return page(
    `The API of ${name}`,
    "Who a rule allows is in [policies](policies.md). Schemas are in `openapi/`, at the newest version.",
    table(heads, rows),
    ...sorted.flatMap(actionSection),
  );
}

function actionSection(route: AnyRoute<never>): string[] {
  if (route.actions === undefined) return [];
  const rows = route.actions.map((action) => [
    code(action.name),
    versions(action),
    code(action.policy),
    String(action.success),
    action.summary,
  ]);
  return [
    `## Actions of ${code(`${route.method} ${route.path}`)}`,
    table(["Action", "Versions", "Rule", "Answers", "Does"], rows),
  ];
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

function byPath(a: AnyRoute<never>, b: AnyRoute<never>): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return methods.indexOf(a.method) - methods.indexOf(b.method);
}

function whoMay({ policy, actions }: AnyRoute<never>): string {
  if (actions !== undefined) return "each action's own";
  return policy === null ? "no token needed" : code(policy);
}

export function versions({ since, until }: Span): string {
  if (since === undefined) return until === undefined ? "all" : `until ${until}`;
  return until === undefined ? `since ${since}` : `${since} to ${until}`;
}
