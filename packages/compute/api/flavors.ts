// Flavors: list, show, create, describe, delete.
import { type ApiRequest, nextLinks, pageOf, reply, routesOf, since } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { resourceErrors } from "../errors-resources.ts";
import {
  createFlavor,
  deleteFlavor,
  describeFlavor,
  type FlavorReach,
  getFlavor,
  listFlavors,
} from "../flavors.ts";
import type { Flavor } from "../tables-flavors.ts";
import { readBool } from "./schemas/parts.ts";
import { createFlavorBody, flavorsQuery, updateFlavorBody } from "./schemas/resources.ts";
import { emptyQuery } from "./schemas/servers.ts";
import { flavorBriefView, flavorView } from "./views/flavors.ts";

const route = routesOf<ComputeDeps>();

export const flavorRoutes = [
  route({
    method: "GET",
    path: "/flavors",
    policy: "os_compute_api:authenticated",
    query: flavorsQuery,
    success: 200,
    summary: "Lists flavors.",
    async handle(request, deps) {
      const { page, links } = await listed(request, deps);
      return { flavors: page.map((flavor) => request.render(flavorBriefView, flavor)), ...links };
    },
  }),
  route({
    method: "GET",
    path: "/flavors/detail",
    policy: "os_compute_api:authenticated",
    query: flavorsQuery,
    success: 200,
    summary: "Lists flavors in full.",
    async handle(request, deps) {
      const { page, links } = await listed(request, deps);
      return { flavors: page.map((flavor) => request.render(flavorView, flavor)), ...links };
    },
  }),
  route({
    method: "POST",
    path: "/flavors",
    policy: "os_compute_api:os-flavor-manage:create",
    body: createFlavorBody,
    success: 200,
    summary: "Creates a flavor.",
    async handle(request, { store }) {
      const given = request.body.flavor;
      const id = given.id ?? null;
      const flavor = await store.transaction((tx) =>
        createFlavor(tx, {
          // `auto` is the command line's word for a UUID.
          id: id === null || id === "auto" ? null : String(id),
          name: given.name,
          vcpus: Number(given.vcpus),
          ram: Number(given.ram),
          disk: Number(given.disk),
          ephemeral: Number(given["OS-FLV-EXT-DATA:ephemeral"] ?? 0),
          swap: Number(given.swap ?? 0),
          rxtx_factor: Number(given.rxtx_factor ?? 1),
          is_public: readBool(given["os-flavor-access:is_public"]) === false ? 0 : 1,
          description: given.description ?? null,
        }),
      );
      return { flavor: request.render(flavorView, flavor) };
    },
  }),
  route({
    method: "GET",
    path: "/flavors/:flavor_id",
    policy: "os_compute_api:authenticated",
    query: emptyQuery,
    success: 200,
    summary: "Shows a flavor.",
    async handle(request, { store }) {
      const flavor = await getFlavor(store.read, request.context, request.params["flavor_id"]!);
      return { flavor: request.render(flavorView, flavor) };
    },
  }),
  route({
    method: "PUT",
    path: "/flavors/:flavor_id",
    ...since("2.55"),
    policy: "os_compute_api:os-flavor-manage:update",
    body: updateFlavorBody,
    success: 200,
    summary: "Changes a flavor's description, the one part that servers do not depend on.",
    async handle(request, { store }) {
      const { description } = request.body.flavor;
      const id = request.params["flavor_id"]!;
      const flavor = await store.transaction((tx) => describeFlavor(tx, id, description));
      return { flavor: request.render(flavorView, flavor) };
    },
  }),
  route({
    method: "DELETE",
    path: "/flavors/:flavor_id",
    policy: "os_compute_api:os-flavor-manage:delete",
    success: 202,
    summary: "Deletes a flavor. Its servers keep running.",
    async handle(request, { store }) {
      await store.transaction((tx) => deleteFlavor(tx, request.params["flavor_id"]!));
      return reply({ body: null });
    },
  }),
];

type Query = Readonly<Record<string, readonly string[] | undefined>>;

async function listed(request: ApiRequest<unknown, unknown>, { store, config }: ComputeDeps) {
  // The schema says: an object of lists of texts.
  const query = request.query as Query;
  const found = await listFlavors(store.read, request.context, reachOf(request, query));
  const minRam = amountOf("min_ram", query["minRam"]);
  const minDisk = amountOf("min_disk", query["minDisk"]);
  const pattern = query["name"]?.at(-1) ?? "";
  const kept = sorted(
    found.filter(({ ram, disk, name }) => ram >= minRam && disk >= minDisk && name.includes(pattern)),
    query,
  );
  const page = pageOf(request, { max: config.max_limit });
  const from = page.marker === null ? 0 : kept.findIndex(({ id }) => id === page.marker) + 1;
  if (page.marker !== null && from === 0) throw errors.markerNotFound(page.marker);
  const shown = kept.slice(from, from + page.limit);
  const ids = shown.map(({ id }) => id);
  return { page: shown, links: nextLinks(request, { key: "flavors_links", page, ids }) };
}

function reachOf({ context }: Pick<ApiRequest<unknown, unknown>, "context">, query: Query): FlavorReach {
  const asked = query["is_public"]?.at(-1);
  if (asked === undefined || !context.isAdmin) return "public";
  if (asked.toLowerCase() === "none") return "all";
  const isPublic = readBool(asked.toLowerCase());
  if (isPublic === null) throw resourceErrors.badFilter("is_public", asked);
  return isPublic ? "public" : "private";
}

function amountOf(name: string, values: readonly string[] | undefined): number {
  const text = values?.at(-1) ?? "0";
  if (!/^-?\d+$/.test(text)) throw resourceErrors.badFilter(name, text);
  return Number(text);
}

/** Columns by the names that queries have for them; the others are the same for all flavors. */
const sortColumns: Readonly<Record<string, keyof Flavor>> = {
  flavorid: "id",
  id: "id",
  name: "name",
  memory_mb: "ram",
  root_gb: "disk",
  ephemeral_gb: "ephemeral",
  swap: "swap",
  vcpus: "vcpus",
  rxtx_factor: "rxtx_factor",
  is_public: "is_public",
  description: "description",
  created_at: "created_at",
};

function sorted(flavors: readonly Flavor[], query: Query): Flavor[] {
  const directions = query["sort_dir"] ?? [];
  const keys = (query["sort_key"] ?? ["flavorid"]).map((key, at) => ({
    column: sortColumns[key] ?? "id",
    sign: directions[at] === "desc" ? -1 : 1,
  }));
  return flavors.toSorted((a, b) => {
    for (const { column, sign } of [...keys, { column: "id", sign: 1 } as const]) {
      const order = compared(a[column], b[column]);
      if (order !== 0) return order * sign;
    }
    return 0;
  });
}

function compared(a: string | number | null, b: string | number | null): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [String(a ?? ""), String(b ?? "")];
  return left < right ? -1 : left > right ? 1 : 0;
}
