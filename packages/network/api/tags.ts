// Tags: the same five calls under every resource that has them.
import { type AnyRoute, type ApiContext, reply, routesOf, Type } from "@micronova/http";
import { now, type Tx } from "@micronova/store";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { ownedNetwork } from "../networks.ts";
import { getPort } from "../ports.ts";
import { getRouter } from "../routers.ts";
import { getGroup } from "../security-groups.ts";
import { ownedSubnet } from "./subnets.ts";

const route = routesOf<NetworkDeps>();

interface Tagged {
  readonly id: string;
  readonly tags: string;
}

const collections = {
  networks: { table: "networks", find: (tx, context, id) => ownedNetwork(tx, context, id, "update_network") },
  subnets: { table: "subnets", find: (tx, context, id) => ownedSubnet(tx, context, id, "update_subnet") },
  ports: { table: "ports", find: getPort },
  routers: { table: "routers", find: getRouter },
  "security-groups": { table: "security_groups", find: getGroup },
} as const satisfies Record<
  string,
  { readonly table: string; find(tx: Tx, context: ApiContext, id: string): Promise<Tagged> }
>;
type Collection = keyof typeof collections;

// Neutron's limits: 255 characters a tag, 50 tags a thing.
const tagText = Type.String({ minLength: 1, maxLength: 255, pattern: "^[^,]+$" });
const tagsMax = 50;
const tagsBody = Type.Object(
  { tags: Type.Array(tagText, { maxItems: tagsMax, uniqueItems: true }) },
  { additionalProperties: false },
);

function read(row: Tagged): readonly string[] {
  // Written as JSON of a list by this package alone.
  return JSON.parse(row.tags) as string[];
}

async function write(tx: Tx, collection: Collection, id: string, tags: readonly string[]): Promise<void> {
  await tx
    .updateTable(collections[collection].table)
    .set((set) => ({
      tags: JSON.stringify(tags),
      updated_at: now(tx),
      revision_number: set("revision_number", "+", 1),
    }))
    .where("id", "=", id)
    .execute();
}

function routesFor(collection: Collection): readonly AnyRoute<NetworkDeps>[] {
  const { find } = collections[collection];
  const all = `/v2.0/${collection}/:tagged_id/tags`;
  const one = `${all}/:tag`;
  const change = (
    { store }: NetworkDeps,
    request: { readonly context: ApiContext; readonly params: Readonly<Record<string, string>> },
    next: (tags: readonly string[]) => readonly string[],
  ) =>
    store.transaction(async (tx) => {
      const row = await find(tx, request.context, request.params["tagged_id"]!);
      const tags = next(read(row));
      await write(tx, collection, row.id, tags);
      return tags;
    });
  return [
    route({
      method: "GET",
      path: all,
      policy: "get_tags",
      success: 200,
      summary: "Lists tags.",
      async handle({ context, params }, { store }) {
        return { tags: read(await find(store.read, context, params["tagged_id"]!)) };
      },
    }),
    route({
      method: "PUT",
      path: all,
      policy: "update_tags",
      body: tagsBody,
      success: 200,
      summary: "Replaces all tags.",
      handle: async (request, deps) => ({ tags: await change(deps, request, () => request.body.tags) }),
    }),
    route({
      method: "DELETE",
      path: all,
      policy: "update_tags",
      success: 204,
      summary: "Removes all tags.",
      async handle(request, deps) {
        await change(deps, request, () => []);
      },
    }),
    ...tagRoutes(one, find, change),
  ];
}

type Find = (tx: Tx, context: ApiContext, id: string) => Promise<Tagged>;
type Change = (
  deps: NetworkDeps,
  request: { readonly context: ApiContext; readonly params: Readonly<Record<string, string>> },
  next: (tags: readonly string[]) => readonly string[],
) => Promise<readonly string[]>;

function tagRoutes(one: string, find: Find, change: Change): readonly AnyRoute<NetworkDeps>[] {
  return [
    route({
      method: "GET",
      path: one,
      policy: "get_tags",
      success: 204,
      summary: "Says whether there is such a tag.",
      async handle({ context, params }, { store }) {
        const tags = read(await find(store.read, context, params["tagged_id"]!));
        if (!tags.includes(params["tag"]!)) throw errors.tagNotFound(params["tag"]!);
      },
    }),
    route({
      method: "PUT",
      path: one,
      policy: "update_tags",
      success: 201,
      summary: "Adds a tag.",
      async handle(request, deps) {
        const tag = request.params["tag"]!;
        await change(deps, request, (tags) => (tags.includes(tag) ? tags : [...tags, tag].slice(0, tagsMax)));
        return reply({ status: 201, body: null });
      },
    }),
    route({
      method: "DELETE",
      path: one,
      policy: "update_tags",
      success: 204,
      summary: "Removes a tag.",
      async handle(request, deps) {
        const tag = request.params["tag"]!;
        await change(deps, request, (tags) => {
          if (!tags.includes(tag)) throw errors.tagNotFound(tag);
          return tags.filter((other) => other !== tag);
        });
      },
    }),
  ];
}

// The keys of an object literal are exactly its collections.
export const tagRoutesOfAll = (Object.keys(collections) as Collection[]).flatMap(routesFor);
