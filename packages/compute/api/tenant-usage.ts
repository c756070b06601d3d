// What projects used over a time, as `openstack usage` and dashboards ask for it.
import { type ApiRequest, nextLinks, pageOf, routesOf, since } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { resourceErrors } from "../errors-resources.ts";
import { type Period, type ServerUsage, usageOver } from "../tenant-usage.ts";
import { tenantUsageQuery, tenantUsagesQuery } from "./schemas/resources.ts";

const route = routesOf<ComputeDeps>();

export const tenantUsageRoutes = [
  route({
    method: "GET",
    path: "/os-simple-tenant-usage",
    policy: "os_compute_api:os-simple-tenant-usage:list",
    query: tenantUsagesQuery,
    success: 200,
    summary: "Sums what each project used in a time.",
    async handle(request, deps) {
      const period = periodOf(request, deps);
      const page = paged(request, deps, await usageOver(deps.store.read, period, null));
      const isDetailed = queryOf(request)["detailed"]?.at(-1) === "1";
      const byProject = Map.groupBy(page.shown, ({ server }) => server.project_id);
      const usages = [...byProject].map(([id, servers]) => usageView(id, period, servers, isDetailed));
      return { tenant_usages: usages, ...page.links("tenant_usages_links") };
    },
  }),
  route({
    method: "GET",
    path: "/os-simple-tenant-usage/:project_id",
    policy: "os_compute_api:os-simple-tenant-usage:show",
    query: tenantUsageQuery,
    success: 200,
    summary: "Sums what a project used in a time, with its servers.",
    async handle(request, deps) {
      const projectId = request.params["project_id"]!;
      if (projectId !== request.context.projectId)
        request.demand("os_compute_api:os-simple-tenant-usage:show:other_project");
      const period = periodOf(request, deps);
      const page = paged(request, deps, await usageOver(deps.store.read, period, projectId));
      // Nova shows a project without servers as an empty object.
      const usage = page.shown.length === 0 ? {} : usageView(projectId, period, page.shown, true);
      return { tenant_usage: usage, ...page.links("tenant_usage_links") };
    },
  }),
];

type Request = ApiRequest<unknown, unknown>;
type Query = Readonly<Record<string, readonly string[] | undefined>>;

// The schema says: an object of lists of texts.
const queryOf = (request: Request) => request.query as Query;

/** From `start` to `end`, each of them now where it is not given. */
function periodOf(request: Request, { platform }: ComputeDeps): Period {
  const now = platform.clock.now();
  const start = timeOf(queryOf(request)["start"]?.at(-1)) ?? now - 1;
  const stop = timeOf(queryOf(request)["end"]?.at(-1)) ?? now;
  if (start >= stop) throw resourceErrors.timesReversed();
  return { start, stop };
}

const timePattern = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?$/;

function timeOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const at = timePattern.test(text) ? Date.parse(`${text.replace(" ", "T")}Z`) : Number.NaN;
  if (Number.isNaN(at)) throw resourceErrors.badDatetime(text);
  return at;
}

/** From 2.40 on usages come in pages, which count servers. */
function paged(request: Request, { config }: ComputeDeps, all: readonly ServerUsage[]) {
  if (!request.does(since("2.40"))) return { shown: all, links: () => ({}) };
  const page = pageOf(request, { max: config.max_limit });
  const { marker } = page;
  const from = marker === null ? 0 : all.findIndex(({ server }) => server.id === marker) + 1;
  if (marker !== null && from === 0) throw errors.markerNotFound(marker);
  const shown = all.slice(from, from + page.limit);
  const ids = shown.map(({ server }) => server.id);
  return { shown, links: (key: string) => nextLinks(request, { key, page, ids }) };
}

function usageView(
  projectId: string,
  { start, stop }: Period,
  servers: readonly ServerUsage[],
  isDetailed: boolean,
) {
  const sum = (amount: (usage: ServerUsage) => number) =>
    servers.reduce((total, usage) => total + amount(usage) * usage.hours, 0);
  return {
    tenant_id: projectId,
    start: isoMicros(start),
    stop: isoMicros(stop),
    total_hours: sum(() => 1),
    total_vcpus_usage: sum(({ flavor }) => flavor.vcpus),
    total_memory_mb_usage: sum(({ flavor }) => flavor.ram),
    total_local_gb_usage: sum(({ flavor }) => flavor.disk + flavor.ephemeral),
    ...(isDetailed ? { server_usages: servers.map(serverView) } : {}),
  };
}

function serverView({ server, flavor, hours, uptimeSeconds, state }: ServerUsage) {
  return {
    instance_id: server.id,
    name: server.name,
    tenant_id: server.project_id,
    flavor: flavor.name,
    vcpus: flavor.vcpus,
    memory_mb: flavor.ram,
    local_gb: flavor.disk + flavor.ephemeral,
    started_at: isoMicros(server.launched_at ?? server.created_at),
    ended_at: server.terminated_at === null ? null : isoMicros(server.terminated_at),
    hours,
    uptime: uptimeSeconds,
    state,
  };
}
