// Hypervisors: the hosts that run servers.
import { type ApiRequest, nextLinks, pageOf, routesOf, type Span, since, until } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { resourceErrors } from "../errors-resources.ts";
import { type Hypervisor, hasId, listHypervisors } from "../hypervisors.ts";
import { readBool } from "./schemas/parts.ts";
import { hypervisorQuery, hypervisorsQuery } from "./schemas/resources.ts";
import { hypervisorBriefView, hypervisorView, statisticsView } from "./views/hypervisors.ts";

const route = routesOf<ComputeDeps>();

const listRoutes = [
  route({
    method: "GET",
    path: "/os-hypervisors",
    policy: "os_compute_api:os-hypervisors:list",
    query: hypervisorsQuery,
    success: 200,
    summary: "Lists hypervisors.",
    async handle(request, deps) {
      const { shown, links } = await listed(request, deps);
      return { hypervisors: shown.map((one) => request.render(hypervisorBriefView, one)), ...links };
    },
  }),
  route({
    method: "GET",
    path: "/os-hypervisors/detail",
    policy: "os_compute_api:os-hypervisors:list-detail",
    query: hypervisorsQuery,
    success: 200,
    summary: "Lists hypervisors in full.",
    async handle(request, deps) {
      const { shown, links } = await listed(request, deps);
      return { hypervisors: shown.map((one) => request.render(hypervisorView, one)), ...links };
    },
  }),
  route({
    method: "GET",
    path: "/os-hypervisors/statistics",
    ...until("2.87"),
    policy: "os_compute_api:os-hypervisors:statistics",
    success: 200,
    summary: "Sums what all enabled hypervisors have and use.",
    async handle(_request, { store, config }) {
      const all = await listHypervisors(store.read, config);
      const enabled = all.filter(({ placed }) => placed.service.is_disabled === 0);
      return { hypervisor_statistics: statisticsView(enabled) };
    },
  }),
];

const oneRoutes = [
  route({
    method: "GET",
    path: "/os-hypervisors/:hypervisor_id",
    policy: "os_compute_api:os-hypervisors:show",
    query: hypervisorQuery,
    success: 200,
    summary: "Shows a hypervisor.",
    async handle(request, deps) {
      const one = { ...(await found(request, deps)), hasServers: wantsServers(request) };
      return { hypervisor: request.render(hypervisorView, one) };
    },
  }),
  route({
    method: "GET",
    path: "/os-hypervisors/:hypervisor_id/uptime",
    ...until("2.87"),
    policy: "os_compute_api:os-hypervisors:uptime",
    success: 200,
    summary: "Refuses: hosts do not report for how long they are up.",
    async handle(request, deps) {
      await found(request, deps);
      // Clients know this answer from drivers that cannot tell, and go on without.
      throw errors.notSupported("The uptime of a host");
    },
  }),
  matchRoute("search", "os_compute_api:os-hypervisors:search", "Finds hypervisors by a part of their name."),
  matchRoute("servers", "os_compute_api:os-hypervisors:servers", "Lists the servers of hypervisors by name."),
];

export const hypervisorRoutes = [...listRoutes, ...oneRoutes];

function matchRoute(what: "search" | "servers", policy: string, summary: string) {
  return route({
    method: "GET",
    path: `/os-hypervisors/:pattern/${what}`,
    ...until("2.52"),
    policy,
    success: 200,
    summary,
    async handle(request, { store, config }) {
      const pattern = request.params["pattern"]!;
      const matching = byName(await listHypervisors(store.read, config), pattern);
      const shown = matching.map((one) => ({ ...one, hasServers: what === "servers" }));
      return { hypervisors: shown.map((one) => request.render(hypervisorBriefView, one)) };
    },
  });
}

type Request = ApiRequest<unknown, unknown>;
type Query = Readonly<Record<string, readonly string[] | undefined>>;

const paging: Span = since("2.33");

async function listed(request: Request, { store, config }: ComputeDeps) {
  // The schema says: an object of lists of texts.
  const query = request.query as Query;
  const pattern = request.does(since("2.53")) ? query["hypervisor_hostname_pattern"]?.at(-1) : undefined;
  const all = await listHypervisors(store.read, config);
  const matching = pattern === undefined ? all : byName(all, pattern);
  const hasServers = wantsServers(request);
  if (!request.does(paging)) return { shown: matching.map((one) => ({ ...one, hasServers })), links: {} };
  const page = pageOf(request, { max: config.max_limit });
  const { marker } = page;
  const from = marker === null ? 0 : matching.findIndex((one) => hasId(one, marker)) + 1;
  if (marker !== null && from === 0) throw errors.markerNotFound(marker);
  const shown = matching.slice(from, from + page.limit).map((one) => ({ ...one, hasServers }));
  const ids = shown.map((one) => String(request.render(hypervisorBriefView, one)["id"]));
  return { shown, links: nextLinks(request, { key: "hypervisors_links", page, ids }) };
}

/** From 2.53 on when asked, from 2.75 on a hypervisor shows them also when there are none. */
function wantsServers(request: Request): boolean {
  if (request.does(until("2.52"))) return false;
  return readBool((request.query as Query)["with_servers"]?.at(-1)) ?? false;
}

function byName(all: readonly Hypervisor[], pattern: string): Hypervisor[] {
  const matching = all.filter(({ node }) => node.hypervisor_hostname.includes(pattern));
  if (matching.length === 0) throw resourceErrors.noHypervisorMatches(pattern);
  return matching;
}

async function found(request: Request, { store, config }: ComputeDeps): Promise<Hypervisor> {
  const id = request.params["hypervisor_id"]!;
  const one = (await listHypervisors(store.read, config)).find((hypervisor) => hasId(hypervisor, id));
  if (one === undefined) throw resourceErrors.hypervisorMissing(id);
  return one;
}
