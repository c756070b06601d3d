// /volumes: create, list, show, update, delete, and the summary of a project's volumes.
import { type ApiRequest, nextLinks, pageOf, routesOf, since } from "@micronova/http";
import type { VolumeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import type { Volume } from "../tables.ts";
import { countVolumes, listVolumes, parseSort, type VolumePage } from "../volume-list.ts";
import { type VolumeChanges, volumes } from "../volumes.ts";
import { createVolumeBody, isTrue, listVolumesQuery, updateVolumeBody } from "./schemas.ts";
import { volumeDetailView, volumeSummaryView, volumeView } from "./views/volumes.ts";
import { detailsOf } from "./volume-details.ts";
import { filterOf, type ListQuery, requireKnownFilters } from "./volume-filters.ts";

const route = routesOf<VolumeDeps>();

const createVolume = route({
  method: "POST",
  path: "/volumes",
  policy: "volume:create",
  body: createVolumeBody,
  success: 202,
  summary: "Creates a volume, blank or of an image.",
  async handle(request, deps) {
    const wanted = request.body.volume;
    for (const [key, what] of unsupportedSources) if (wanted[key]) throw errors.unsupportedSource(what);
    const size = Number(wanted.size ?? 0);
    if (size < 1 || size > sizeMax) throw errors.sizeMissing();
    const details = await deps.store.transaction(async (tx) => {
      const volume = await volumes.create(tx, deps, request.context, {
        ...wanted,
        size,
        name: wanted.name ?? wanted.display_name ?? null,
        description: wanted.description ?? wanted.display_description ?? null,
        imageRef: wanted.imageRef ?? wanted.image_id ?? null,
        metadata: wanted.metadata ?? {},
      });
      return (await detailsOf(tx, [volume]))[0]!;
    });
    return { volume: request.render(volumeView, details) };
  },
});

// Cinder's own bound, which a number written as text escapes.
const sizeMax = 2_147_483_647;

const unsupportedSources = [
  ["snapshot_id", "snapshot"],
  ["source_volid", "volume"],
  ["backup_id", "backup"],
  ["group_id", "group"],
  ["consistencygroup_id", "consistency group"],
] as const;

const listVolumeSummaries = route({
  method: "GET",
  path: "/volumes",
  policy: "volume:get_all",
  query: listVolumesQuery,
  success: 200,
  summary: "Lists volumes with id, name and links.",
  async handle(request, { store }) {
    const page = await pageAsked(request);
    const found = await listVolumes(store.read, request.context, page);
    return {
      volumes: found.map((volume) => request.render(volumeSummaryView, volume)),
      ...(await around(request, page, found, store)),
    };
  },
});

const listVolumeDetails = route({
  method: "GET",
  path: "/volumes/detail",
  policy: "volume:get_all",
  query: listVolumesQuery,
  success: 200,
  summary: "Lists volumes with all their fields.",
  async handle(request, { store }) {
    const page = await pageAsked(request);
    const found = await listVolumes(store.read, request.context, page);
    const details = await detailsOf(store.read, found);
    return {
      volumes: details.map((one) => request.render(volumeDetailView, one)),
      ...(await around(request, page, found, store)),
    };
  },
});

const summarizeVolumes = route({
  method: "GET",
  path: "/volumes/summary",
  policy: "volume:get_all",
  query: listVolumesQuery,
  success: 200,
  ...since("3.12"),
  summary: "Says how many volumes there are and how large they are together.",
  async handle(request, { store }) {
    const page = { ...(await pageAsked(request)), limit: summaryMax, offset: 0, marker: null };
    const found = await listVolumes(store.read, request.context, page);
    const total = { total_size: found.reduce((sum, { size }) => sum + size, 0), total_count: found.length };
    const metadata = request.does(since("3.36")) ? { metadata: metadataOfAll(found) } : {};
    return { "volume-summary": { ...total, ...metadata } };
  },
});

// A summary reads this many volumes at most.
const summaryMax = 100_000;

const showVolume = route({
  method: "GET",
  path: "/volumes/:volume_id",
  policy: "volume:get",
  success: 200,
  summary: "Shows a volume.",
  async handle(request, { store }) {
    const volume = await volumes.get(store.read, request.context, request.params["volume_id"]!);
    const [details] = await detailsOf(store.read, [volume]);
    return { volume: request.render(volumeDetailView, details!) };
  },
});

const updateVolume = route({
  method: "PUT",
  path: "/volumes/:volume_id",
  policy: "volume:update",
  body: updateVolumeBody,
  success: 200,
  summary: "Changes a volume's name, description or metadata.",
  async handle(request, { store }) {
    const changes = changesOf(request.body.volume);
    const details = await store.transaction(async (tx) => {
      const volume = await volumes.update(tx, request.context, request.params["volume_id"]!, changes);
      return (await detailsOf(tx, [volume]))[0]!;
    });
    return { volume: request.render(volumeView, details) };
  },
});

const deleteVolume = route({
  method: "DELETE",
  path: "/volumes/:volume_id",
  policy: "volume:delete",
  success: 202,
  summary: "Deletes a volume; its bytes are wiped.",
  async handle(request, deps) {
    const id = request.params["volume_id"]!;
    // The query is read as it is: Cinder ignores what it does not know here.
    const { force } = request.query as { readonly force?: string };
    const isForced = force !== undefined && isTrue(force) && request.does(since("3.23"));
    if (isForced) request.demand("volume:force_delete");
    await deps.store.transaction((tx) =>
      isForced
        ? volumes.forceRemove(tx, deps, request.context, id)
        : volumes.remove(tx, deps, request.context, id),
    );
  },
});

export const volumeRoutes = [
  createVolume,
  listVolumeSummaries,
  listVolumeDetails,
  summarizeVolumes,
  showVolume,
  updateVolume,
  deleteVolume,
];

type ListRequest = ApiRequest<unknown, ListQuery>;

async function pageAsked(request: ListRequest): Promise<VolumePage> {
  const { query, context } = request;
  if (request.does(since("3.33"))) requireKnownFilters(query);
  const { limit, marker } = pageOf(request);
  const offset = /^\d{1,9}$/.test(query["offset"] ?? "") ? Number(query.offset) : 0;
  return { filter: filterOf(query, context), sort: parseSort(query), limit, offset, marker };
}

/** What a list has besides its items: the next page's link, and the count where it is asked for. */
async function around(
  request: ListRequest,
  page: VolumePage,
  found: readonly Volume[],
  store: VolumeDeps["store"],
): Promise<object> {
  const ids = found.map(({ id }) => id);
  const links = nextLinks(request, { key: "volumes_links", page, ids });
  const wantsCount = request.query["with_count"] !== undefined && isTrue(request.query["with_count"]);
  if (!wantsCount || !request.does(since("3.45"))) return links;
  return { ...links, count: await countVolumes(store.read, page.filter) };
}

function changesOf(body: {
  readonly name?: string | null;
  readonly display_name?: string | null;
  readonly description?: string | null;
  readonly display_description?: string | null;
  readonly metadata?: Readonly<Record<string, string>> | null;
}): VolumeChanges {
  const name = body.name === undefined ? body.display_name : body.name;
  const description = body.description === undefined ? body.display_description : body.description;
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(body.metadata === undefined ? {} : { metadata: JSON.stringify(body.metadata ?? {}) }),
  };
}

function metadataOfAll(found: readonly Volume[]): Record<string, string[]> {
  const values = new Map<string, Set<string>>();
  for (const volume of found) {
    // Written by the noun alone.
    const metadata = JSON.parse(volume.metadata) as Readonly<Record<string, string>>;
    for (const [key, value] of Object.entries(metadata)) {
      values.set(key, (values.get(key) ?? new Set()).add(value));
    }
  }
  return Object.fromEntries([...values].map(([key, set]) => [key, [...set]]));
}
