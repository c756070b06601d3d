// /volumes/:id/metadata: all pairs, or one of them.
import { routesOf } from "@micronova/http";
import type { VolumeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { volumes } from "../volumes.ts";
import { metaBody, metadataBody } from "./schemas.ts";

const route = routesOf<VolumeDeps>();
const path = "/volumes/:volume_id/metadata";

const showAll = route({
  method: "GET",
  path,
  policy: "volume:get_volume_metadata",
  success: 200,
  summary: "Shows a volume's metadata.",
  async handle(request, { store }) {
    const volume = await volumes.get(store.read, request.context, request.params["volume_id"]!);
    return { metadata: JSON.parse(volume.metadata) };
  },
});

const add = route({
  method: "POST",
  path,
  policy: "volume:create_volume_metadata",
  body: metadataBody,
  success: 200,
  summary: "Adds to a volume's metadata, or changes pairs of it.",
  async handle({ context, params, body }, { store }) {
    const id = params["volume_id"]!;
    return {
      metadata: await store.transaction((tx) => volumes.setMetadata(tx, context, id, body.metadata)),
    };
  },
});

const replace = route({
  method: "PUT",
  path,
  policy: "volume:update_volume_metadata",
  body: metadataBody,
  success: 200,
  summary: "Replaces a volume's metadata.",
  async handle({ context, params, body }, { store }) {
    const id = params["volume_id"]!;
    return {
      metadata: await store.transaction((tx) => volumes.writeMetadata(tx, context, id, body.metadata)),
    };
  },
});

const showOne = route({
  method: "GET",
  path: `${path}/:key`,
  policy: "volume:get_volume_metadata",
  success: 200,
  summary: "Shows one pair of a volume's metadata.",
  async handle({ context, params }, { store }) {
    const [id, key] = [params["volume_id"]!, params["key"]!];
    // Written by the noun alone.
    const pairs = JSON.parse((await volumes.get(store.read, context, id)).metadata) as Record<string, string>;
    if (!Object.hasOwn(pairs, key)) throw errors.metadataNotFound(id, key);
    return { meta: { [key]: pairs[key] } };
  },
});

const setOne = route({
  method: "PUT",
  path: `${path}/:key`,
  policy: "volume:update_volume_metadata",
  body: metaBody,
  success: 200,
  summary: "Changes one pair of a volume's metadata.",
  async handle({ context, params, body }, { store }) {
    await store.transaction((tx) => volumes.setMetadata(tx, context, params["volume_id"]!, body.meta));
    return { meta: body.meta };
  },
});

const removeOne = route({
  method: "DELETE",
  path: `${path}/:key`,
  policy: "volume:delete_volume_metadata",
  success: 200,
  summary: "Removes one pair of a volume's metadata.",
  async handle({ context, params }, { store }) {
    const [id, key] = [params["volume_id"]!, params["key"]!];
    await store.transaction(async (tx) => {
      const volume = await volumes.get(tx, context, id);
      // Written by the noun alone.
      const { [key]: removed, ...rest } = JSON.parse(volume.metadata) as Record<string, string>;
      if (removed === undefined) throw errors.metadataNotFound(id, key);
      await volumes.writeMetadata(tx, context, id, rest);
    });
  },
});

export const volumeMetadataRoutes = [showAll, add, replace, showOne, setOne, removeOne];
