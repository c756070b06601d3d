// The caller's limits and use in one answer, as dashboards ask for it.
import { routesOf } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { limitsOf, usageOf } from "../quotas.ts";
import { limitsQuery } from "./schemas/resources.ts";
import { absoluteLimitsView } from "./views/quotas.ts";

const route = routesOf<ComputeDeps>();

export const limitRoutes = [
  route({
    method: "GET",
    path: "/limits",
    policy: "os_compute_api:limits",
    query: limitsQuery,
    success: 200,
    summary: "Shows what the project may have and has.",
    async handle(request, { store }) {
      const own = request.context.projectId ?? "";
      // The schema says: an object of lists of texts.
      const { tenant_id } = request.query as { readonly tenant_id?: readonly string[] };
      const projectId = tenant_id?.at(-1) ?? own;
      if (projectId !== own) request.demand("os_compute_api:limits:other_project");
      const owner = { projectId, userId: null };
      const both = { limits: await limitsOf(store.read, owner), used: await usageOf(store.read, owner) };
      return { limits: { rate: [], absolute: request.render(absoluteLimitsView, both) } };
    },
  }),
];
