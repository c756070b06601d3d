// /types/:id/extra_specs: what an operator says of a type, for backends and schedulers.
import { routesOf } from "@micronova/http";
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import type { VolumeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { volumeTypes } from "../types.ts";
import { extraSpecBody, extraSpecsBody } from "./schemas.ts";

const route = routesOf<VolumeDeps>();
const path = "/types/:type_id/extra_specs";

const showAll = route({
  method: "GET",
  path,
  policy: "volume_extension:types_extra_specs:index",
  success: 200,
  summary: "Shows a type's extra specs.",
  async handle({ params }, { store }) {
    return { extra_specs: await specsOf(store.read, params["type_id"]!) };
  },
});

const add = route({
  method: "POST",
  path,
  policy: "volume_extension:types_extra_specs:create",
  body: extraSpecsBody,
  success: 200,
  summary: "Adds to a type's extra specs, or changes some.",
  async handle({ params, body }, { store }) {
    await store.transaction((tx) => volumeTypes.setSpecs(tx, params["type_id"]!, body.extra_specs));
    return { extra_specs: body.extra_specs };
  },
});

const showOne = route({
  method: "GET",
  path: `${path}/:key`,
  policy: "volume_extension:types_extra_specs:show",
  success: 200,
  summary: "Shows one of a type's extra specs.",
  async handle({ params }, { store }) {
    const [id, key] = [params["type_id"]!, params["key"]!];
    const value = (await specsOf(store.read, id))[key];
    if (value === undefined) throw errors.extraSpecNotFound(id, key);
    return { [key]: value };
  },
});

const setOne = route({
  method: "PUT",
  path: `${path}/:key`,
  policy: "volume_extension:types_extra_specs:update",
  body: extraSpecBody,
  success: 200,
  summary: "Changes one of a type's extra specs.",
  async handle({ params, body }, { store }) {
    await store.transaction((tx) => volumeTypes.setSpecs(tx, params["type_id"]!, body));
    return body;
  },
});

const removeOne = route({
  method: "DELETE",
  path: `${path}/:key`,
  policy: "volume_extension:types_extra_specs:delete",
  success: 202,
  summary: "Removes one of a type's extra specs.",
  async handle({ params }, { store }) {
    await store.transaction((tx) => volumeTypes.removeSpec(tx, params["type_id"]!, params["key"]!));
  },
});

export const typeExtraSpecRoutes = [showAll, add, showOne, setOne, removeOne];

async function specsOf(tx: Tx, id: Uuid): Promise<Readonly<Record<string, string>>> {
  // Written by the noun alone.
  return JSON.parse((await volumeTypes.byId(tx, id)).extra_specs) as Record<string, string>;
}
