// /types: the kinds of storage there are, and who may use those that are not public.
import { actionRoute, actionsOf, routesOf } from "@micronova/http";
import type { VolumeDeps } from "../deps.ts";
import { defaultTypeName, volumeTypes } from "../types.ts";
import { createTypeBody, isTrue, projectAccessSchema, updateTypeBody } from "./schemas.ts";
import { typeView } from "./views/types.ts";

const route = routesOf<VolumeDeps>();
const action = actionsOf<VolumeDeps>();

const list = route({
  method: "GET",
  path: "/types",
  policy: "volume_extension:type_get_all",
  success: 200,
  summary: "Lists the volume types that the caller may use.",
  async handle(request, { store }) {
    // A route without a schema has the query as it came.
    const asked = (request.query as { readonly is_public?: unknown }).is_public;
    const isPublic = typeof asked !== "string" ? true : asked.toLowerCase() === "none" ? null : isTrue(asked);
    const found = await volumeTypes.list(store.read, request.context, isPublic);
    return { volume_types: found.map((type) => request.render(typeView, type)) };
  },
});

const showDefault = route({
  method: "GET",
  path: "/types/default",
  policy: "volume_extension:type_get",
  success: 200,
  summary: "Shows the type of volumes for which none is asked.",
  async handle(request, { store }) {
    const type = await volumeTypes.find(store.read, request.context, defaultTypeName);
    return { volume_type: request.render(typeView, type) };
  },
});

const show = route({
  method: "GET",
  path: "/types/:type_id",
  policy: "volume_extension:type_get",
  success: 200,
  summary: "Shows a volume type.",
  async handle(request, { store }) {
    const type = await volumeTypes.get(store.read, request.context, request.params["type_id"]!);
    return { volume_type: request.render(typeView, type) };
  },
});

const create = route({
  method: "POST",
  path: "/types",
  policy: "volume_extension:type_create",
  body: createTypeBody,
  success: 200,
  summary: "Creates a volume type.",
  async handle(request, { store }) {
    const { "os-volume-type-access:is_public": isPublic = true, ...type } = request.body.volume_type;
    const made = await store.transaction((tx) =>
      volumeTypes.create(tx, { ...type, is_public: isTrue(isPublic) }),
    );
    return { volume_type: request.render(typeView, made) };
  },
});

const update = route({
  method: "PUT",
  path: "/types/:type_id",
  policy: "volume_extension:type_update",
  body: updateTypeBody,
  success: 200,
  summary: "Changes a volume type's name, description or visibility.",
  async handle(request, { store }) {
    const { name, description, is_public } = request.body.volume_type;
    const changed = await store.transaction((tx) =>
      volumeTypes.update(tx, request.params["type_id"]!, {
        ...(name === undefined || name === null ? {} : { name }),
        ...(description === undefined ? {} : { description }),
        ...(is_public === undefined ? {} : { is_public: isTrue(is_public) }),
      }),
    );
    return { volume_type: request.render(typeView, changed) };
  },
});

const remove = route({
  method: "DELETE",
  path: "/types/:type_id",
  policy: "volume_extension:type_delete",
  success: 202,
  summary: "Deletes a volume type that no volume has.",
  async handle(request, { store }) {
    await store.transaction((tx) => volumeTypes.remove(tx, request.params["type_id"]!));
  },
});

const listAccess = route({
  method: "GET",
  path: "/types/:type_id/os-volume-type-access",
  policy: "volume_extension:volume_type_access:get_all_for_type",
  success: 200,
  summary: "Lists the projects that may use a type which is not public.",
  async handle(request, { store }) {
    return { volume_type_access: await volumeTypes.access(store.read, request.params["type_id"]!) };
  },
});

const addAccess = action({
  name: "addProjectAccess",
  policy: "volume_extension:volume_type_access:addProjectAccess",
  schema: projectAccessSchema,
  success: 202,
  summary: "Lets a project use a type which is not public.",
  async handle({ params, body }, { store }) {
    await store.transaction((tx) => volumeTypes.allow(tx, params["type_id"]!, body.project));
  },
});

const removeAccess = action({
  name: "removeProjectAccess",
  policy: "volume_extension:volume_type_access:removeProjectAccess",
  schema: projectAccessSchema,
  success: 202,
  summary: "Takes a type which is not public from a project.",
  async handle({ params, body }, { store }) {
    await store.transaction((tx) => volumeTypes.disallow(tx, params["type_id"]!, body.project));
  },
});

export const typeRoutes = [
  list,
  showDefault,
  show,
  create,
  update,
  remove,
  listAccess,
  actionRoute<VolumeDeps>({ path: "/types/:type_id/action", actions: [addAccess, removeAccess] }),
];
