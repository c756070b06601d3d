// A server's tags: short words to find it by.
import { reply, routesOf, since, Type } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { changeTags, tagsMax, tagsOf } from "../server-metadata.ts";
import { getServer } from "../servers.ts";
import { tag } from "./schemas/parts.ts";

const route = routesOf<ComputeDeps>();
const collection = "/servers/:server_id/tags";
const one = `${collection}/:tag`;
const tagPattern = /^[^,/]{1,60}$/;

const listTags = route({
  ...since("2.26"),
  method: "GET",
  path: collection,
  policy: "os_compute_api:os-server-tags:index",
  success: 200,
  summary: "Lists a server's tags.",
  async handle(request, { store }) {
    return { tags: tagsOf(await getServer(store.read, request.context, request.params["server_id"]!)) };
  },
});

const replaceTags = route({
  ...since("2.26"),
  method: "PUT",
  path: collection,
  policy: "os_compute_api:os-server-tags:update_all",
  body: Type.Object({ tags: Type.Array(tag, { maxItems: tagsMax }) }, { additionalProperties: false }),
  success: 200,
  summary: "Replaces a server's tags.",
  async handle(request, { store }) {
    const { after } = await changeTags(store, request, () => request.body.tags);
    return { tags: after };
  },
});

const deleteTags = route({
  ...since("2.26"),
  method: "DELETE",
  path: collection,
  policy: "os_compute_api:os-server-tags:delete_all",
  success: 204,
  summary: "Removes all of a server's tags.",
  async handle(request, { store }) {
    await changeTags(store, request, () => []);
  },
});

const showTag = route({
  ...since("2.26"),
  method: "GET",
  path: one,
  policy: "os_compute_api:os-server-tags:show",
  success: 204,
  summary: "Whether the server has the tag.",
  async handle(request, { store }) {
    const { server_id = "", tag: wanted = "" } = request.params;
    const tags = tagsOf(await getServer(store.read, request.context, server_id));
    if (!tags.includes(wanted)) throw errors.tagNotFound(server_id, wanted);
  },
});

const addTag = route({
  ...since("2.26"),
  method: "PUT",
  path: one,
  policy: "os_compute_api:os-server-tags:update",
  success: 201,
  summary: "Adds a tag.",
  async handle(request, { store }) {
    const { server_id = "", tag: wanted = "" } = request.params;
    if (!tagPattern.test(wanted)) throw errors.tagInvalid(wanted);
    const { before } = await changeTags(store, request, (old) => [...old, wanted]);
    if (before.includes(wanted)) return reply({ status: 204, body: null });
    const location = `${request.baseUrl}/servers/${server_id}/tags/${encodeURIComponent(wanted)}`;
    return reply({ status: 201, headers: { location }, body: null });
  },
});

const deleteTag = route({
  ...since("2.26"),
  method: "DELETE",
  path: one,
  policy: "os_compute_api:os-server-tags:delete",
  success: 204,
  summary: "Removes a tag.",
  async handle(request, { store }) {
    const { server_id = "", tag: wanted = "" } = request.params;
    await changeTags(store, request, (old) => {
      if (!old.includes(wanted)) throw errors.tagNotFound(server_id, wanted);
      return old.filter((one) => one !== wanted);
    });
  },
});

export const serverTagRoutes = [listTags, replaceTags, deleteTags, showTag, addTag, deleteTag];
