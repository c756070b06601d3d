// /allocations: who holds what. Writes say which generation of the consumer they saw, from 1.28 on.
import { type ApiRequest, reply, routesOf, type Static, since } from "@micronova/http";
import { now, type Tx } from "@micronova/store";
import {
  allocationsOn,
  findConsumer,
  type Holdings,
  holdingsOf,
  rewriteAllocations,
  unclaim,
} from "../allocations.ts";
import type { PlacementDeps } from "../deps.ts";
import { placementErrors } from "../errors.ts";
import { assertClasses } from "../names.ts";
import { getProvider } from "../providers.ts";
import { allocationsBody, manyAllocationsBody } from "./schemas.ts";
import { dated } from "./views.ts";

const route = routesOf<PlacementDeps>();

export const showAllocations = route({
  method: "GET",
  path: "/allocations/:consumer_uuid",
  policy: "placement:allocations:list",
  success: 200,
  summary: "Shows what a consumer holds.",
  async handle(request, { store }) {
    const id = request.params["consumer_uuid"]!;
    const consumer = await findConsumer(store.read, id);
    const allocations = await holdingsOf(store.read, id);
    if (consumer === null) return dated(request, now(store.read), { body: { allocations } });
    const { project_id, user_id, generation, consumer_type } = consumer;
    const body = {
      allocations,
      ...(request.does(since("1.12")) ? { project_id, user_id } : {}),
      ...(request.does(since("1.28")) ? { consumer_generation: generation } : {}),
      ...(request.does(since("1.38")) ? { consumer_type } : {}),
    };
    return dated(request, consumer.updated_at, { body });
  },
});

export const updateAllocations = route({
  method: "PUT",
  path: "/allocations/:consumer_uuid",
  policy: "placement:allocations:update",
  body: allocationsBody,
  success: 204,
  summary: "Makes what a consumer holds exactly this.",
  async handle(request, { store }) {
    const consumerId = request.params["consumer_uuid"]!;
    const { body } = request;
    const holdings = Array.isArray(body.allocations) ? fromList(body.allocations) : body.allocations;
    await store.transaction((tx) =>
      writeAllocations(tx, request, consumerId, { ...body, allocations: holdings }),
    );
    return reply({ body: null });
  },
});

export const manageAllocations = route({
  since: "1.13",
  method: "POST",
  path: "/allocations",
  policy: "placement:allocations:manage",
  body: manyAllocationsBody,
  success: 204,
  summary: "Makes what several consumers hold exactly this, all or none.",
  async handle(request, { store }) {
    await store.transaction((tx) => writeMany(tx, request, request.body));
    return reply({ body: null });
  },
});

export const deleteAllocations = route({
  method: "DELETE",
  path: "/allocations/:consumer_uuid",
  policy: "placement:allocations:delete",
  success: 204,
  summary: "Takes back everything a consumer holds.",
  async handle({ params }, { store }) {
    const id = params["consumer_uuid"]!;
    await store.transaction(async (tx) => {
      if ((await findConsumer(tx, id)) === null) throw placementErrors.allocationsNotFound(id);
      await unclaim(tx, id);
    });
  },
});

export const listProviderAllocations = route({
  method: "GET",
  path: "/resource_providers/:uuid/allocations",
  policy: "placement:resource_providers:allocations:list",
  success: 200,
  summary: "Lists who holds what of a provider.",
  async handle(request, { store }) {
    const provider = await getProvider(store.read, request.params["uuid"]!);
    const holders = Object.entries(await allocationsOn(store.read, provider.id));
    const withGeneration = request.does(since("1.28"));
    const allocations = holders.map(([id, { resources, consumer_generation }]) => [
      id,
      withGeneration ? { resources, consumer_generation } : { resources },
    ]);
    const body = {
      allocations: Object.fromEntries(allocations),
      resource_provider_generation: provider.generation,
    };
    return dated(request, now(store.read), { body });
  },
});

// Whose allocations were written before writers had to say.
const nobody = "00000000-0000-0000-0000-000000000000";

interface Given {
  readonly allocations: Holdings;
  readonly project_id?: string;
  readonly user_id?: string;
  readonly consumer_generation?: number | null;
  readonly consumer_type?: string;
}
type Does = Pick<ApiRequest<unknown, unknown>, "does">;

/** Writes several consumers' allocations; what shrinks goes first, so that it makes room for the others. */
export async function writeMany(
  tx: Tx,
  request: Does,
  many: Static<typeof manyAllocationsBody>,
): Promise<void> {
  const consumers = Object.entries(many);
  const isEmpty = ([, { allocations }]: (typeof consumers)[number]) => Object.keys(allocations).length === 0;
  for (const [id, given] of [...consumers.filter(isEmpty), ...consumers.filter((one) => !isEmpty(one))]) {
    await writeAllocations(tx, request, id, given);
  }
}

async function writeAllocations(tx: Tx, request: Does, consumerId: string, given: Given): Promise<void> {
  const { allocations: holdings, consumer_generation: generation } = given;
  await assertClasses(
    tx,
    Object.values(holdings).flatMap(({ resources }) => Object.keys(resources)),
  );
  const known = await findConsumer(tx, consumerId);
  await rewriteAllocations(tx, {
    consumerId,
    holdings,
    projectId: given.project_id ?? known?.project_id ?? nobody,
    userId: given.user_id ?? known?.user_id ?? nobody,
    consumerType: given.consumer_type ?? known?.consumer_type ?? "unknown",
    ...(request.does(since("1.28")) && generation !== undefined ? { generation } : {}),
  });
}

/** The form of 1.0 to 1.11. */
function fromList(
  list: readonly {
    readonly resource_provider: { readonly uuid: string };
    readonly resources: Record<string, number>;
  }[],
): Holdings {
  return Object.fromEntries(
    list.map(({ resource_provider, resources }) => [resource_provider.uuid, { resources }]),
  );
}
