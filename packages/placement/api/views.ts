// How providers and inventories look in answers, and the headers that say how old an answer is.
import { type ApiRequest, always, type Reply, reply, since, sinceField, type View } from "@micronova/http";
import type { Inventory } from "../inventories.ts";
import type { ResourceProvider } from "../providers.ts";

const linksSince = {
  aggregates: "1.1",
  inventories: "1.0",
  usages: "1.0",
  traits: "1.6",
  allocations: "1.11",
} as const;

const providerView: View<ResourceProvider> = {
  uuid: always(({ id }) => id),
  name: always(({ name }) => name),
  generation: always(({ generation }) => generation),
  parent_provider_uuid: sinceField("1.14", (provider) => provider.parent_id),
  root_provider_uuid: sinceField("1.14", (provider) => provider.root_id),
};

type Asked = Pick<ApiRequest<unknown, unknown>, "render" | "does" | "baseUrl">;

export function shownProvider(request: Asked, provider: ResourceProvider): Record<string, unknown> {
  const href = `${pathOf(request.baseUrl)}/resource_providers/${provider.id}`;
  const links = Object.entries(linksSince)
    .filter(([, version]) => request.does(since(version)))
    .map(([rel]) => ({ rel, href: `${href}/${rel}` }));
  return { ...request.render(providerView, provider), links: [{ rel: "self", href }, ...links] };
}

/** Placement's links are paths, without the server's address. */
export function pathOf(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/\/$/, "");
}

export function shownInventory(inventory: Inventory): Inventory {
  const { total, reserved, min_unit, max_unit, step_size, allocation_ratio } = inventory;
  return { total, reserved, min_unit, max_unit, step_size, allocation_ratio };
}

/** An answer with the headers that caches want from 1.15 on. */
export function dated(request: Pick<Asked, "does">, at: number, answer: Reply): Reply {
  if (!request.does(since("1.15"))) return reply(answer);
  const headers = { "last-modified": new Date(at).toUTCString(), "cache-control": "no-cache" };
  return reply({ ...answer, headers: { ...headers, ...answer.headers } });
}
