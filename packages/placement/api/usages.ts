// /usages: what a project uses in all.
import { routesOf, since, Type, versioned } from "@micronova/http";
import { now } from "@micronova/store";
import { projectUsages } from "../allocations.ts";
import type { PlacementDeps } from "../deps.ts";
import { dated } from "./views.ts";

const route = routesOf<PlacementDeps>();

const owner = Type.String({ minLength: 1, maxLength: 255 });
const consumerType = Type.String({ minLength: 1, maxLength: 255, pattern: "^[A-Z0-9_]+$|^all$|^unknown$" });

export const listUsages = route({
  since: "1.9",
  method: "GET",
  path: "/usages",
  policy: "placement:usages",
  query: Type.Object(
    {
      project_id: owner,
      user_id: Type.Optional(owner),
      consumer_type: versioned(since("1.38"), Type.Optional(consumerType)),
    },
    { additionalProperties: false },
  ),
  success: 200,
  summary: "Shows what a project, or one of its users, uses in all.",
  async handle(request, { store }) {
    const { project_id: projectId, user_id: userId, consumer_type: wanted } = request.query;
    if (projectId !== request.context.projectId) request.demand("placement:usages:any");
    const rows = await projectUsages(store.read, { projectId, ...(userId === undefined ? {} : { userId }) });
    const usages = byType(rows);
    const total = summed(Object.values(usages));
    if (!request.does(since("1.38"))) {
      const { consumer_count: _, ...amounts } = total;
      return dated(request, now(store.read), { body: { usages: amounts } });
    }
    const asked = wanted === "all" ? { all: total } : only(usages, wanted);
    return dated(request, now(store.read), { body: { usages: asked } });
  },
});

type Amounts = Readonly<Record<string, number>>;

/** Amounts by class for each type of consumer, and how many consumers those are. */
function byType(rows: Awaited<ReturnType<typeof projectUsages>>): Readonly<Record<string, Amounts>> {
  const types: Record<string, Record<string, number>> = {};
  for (const { consumer_type, resource_class, used, consumers } of rows) {
    const amounts = types[consumer_type] ?? { consumer_count: 0 };
    amounts[resource_class] = used;
    // A consumer need not hold every class; the class that most hold counts them.
    amounts["consumer_count"] = Math.max(amounts["consumer_count"]!, consumers);
    types[consumer_type] = amounts;
  }
  return types;
}

/** The one type asked for, or every type by itself. */
function only(usages: Readonly<Record<string, Amounts>>, type: string | undefined) {
  return Object.fromEntries(Object.entries(usages).filter(([name]) => type === undefined || name === type));
}

function summed(groups: readonly Amounts[]): Amounts {
  const sum: Record<string, number> = {};
  for (const group of groups) {
    for (const [name, amount] of Object.entries(group)) sum[name] = (sum[name] ?? 0) + amount;
  }
  return sum;
}
