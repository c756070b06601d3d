// A server's metadata: pairs a user keeps with it, which the guest reads too.
import { routesOf, Type } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { changeMetadata, metadataOf } from "../server-metadata.ts";
import { getServer } from "../servers.ts";
import { metadata } from "./schemas/parts.ts";
import { emptyQuery } from "./schemas/servers.ts";

const route = routesOf<ComputeDeps>();
const collection = "/servers/:server_id/metadata";
const item = `${collection}/:key`;
const closed = { additionalProperties: false } as const;
const whole = Type.Object({ metadata }, closed);
const single = Type.Object({ meta: metadata }, closed);

const listMetadata = route({
  method: "GET",
  path: collection,
  policy: "os_compute_api:server-metadata:index",
  query: emptyQuery,
  success: 200,
  summary: "Lists a server's metadata.",
  async handle(request, { store }) {
    const server = await getServer(store.read, request.context, request.params["server_id"]!);
    return { metadata: metadataOf(server) };
  },
});

const mergeMetadata = route({
  method: "POST",
  path: collection,
  policy: "os_compute_api:server-metadata:create",
  body: whole,
  success: 200,
  summary: "Lays pairs over a server's metadata.",
  async handle(request, { store }) {
    const { metadata: pairs } = request.body;
    return { metadata: await changeMetadata(store, request, (old) => ({ ...old, ...pairs })) };
  },
});

const replaceMetadata = route({
  method: "PUT",
  path: collection,
  policy: "os_compute_api:server-metadata:update_all",
  body: whole,
  success: 200,
  summary: "Replaces a server's metadata.",
  async handle(request, { store }) {
    const { metadata: pairs } = request.body;
    return { metadata: await changeMetadata(store, request, () => pairs) };
  },
});

const showMetadata = route({
  method: "GET",
  path: item,
  policy: "os_compute_api:server-metadata:show",
  query: emptyQuery,
  success: 200,
  summary: "Shows one pair.",
  async handle(request, { store }) {
    const { server_id = "", key = "" } = request.params;
    const all = metadataOf(await getServer(store.read, request.context, server_id));
    const value = all[key];
    if (value === undefined) throw errors.metadataItemNotFound();
    return { meta: { [key]: value } };
  },
});

const setMetadata = route({
  method: "PUT",
  path: item,
  policy: "os_compute_api:server-metadata:update",
  body: single,
  success: 200,
  summary: "Sets one pair.",
  async handle(request, { store }) {
    const key = request.params["key"]!;
    const value = request.body.meta[key];
    if (value === undefined) throw errors.metadataKeyMismatch();
    await changeMetadata(store, request, (old) => ({ ...old, [key]: value }));
    return { meta: { [key]: value } };
  },
});

const deleteMetadata = route({
  method: "DELETE",
  path: item,
  policy: "os_compute_api:server-metadata:delete",
  success: 204,
  summary: "Removes one pair.",
  async handle(request, { store }) {
    const key = request.params["key"]!;
    await changeMetadata(store, request, (old) => {
      const { [key]: value, ...others } = old;
      if (value === undefined) throw errors.metadataItemNotFound();
      return others;
    });
  },
});

export const serverMetadataRoutes = [
  listMetadata,
  mergeMetadata,
  replaceMetadata,
  showMetadata,
  setMetadata,
  deleteMetadata,
];
