// /resource_classes: what can be counted.
import { reply, routesOf } from "@micronova/http";
import { now } from "@micronova/store";
import type { PlacementDeps } from "../deps.ts";
import { placementErrors } from "../errors.ts";
import { ensureClass, hasClass, listClasses, removeClass, renameClass } from "../names.ts";
import { classBody } from "./schemas.ts";
import { dated, pathOf } from "./views.ts";

const route = routesOf<PlacementDeps>();

function shownClass(baseUrl: string, name: string) {
  return { name, links: [{ rel: "self", href: hrefOf(baseUrl, name) }] };
}

function hrefOf(baseUrl: string, name: string): string {
  return `${pathOf(baseUrl)}/resource_classes/${name}`;
}

export const listResourceClasses = route({
  since: "1.2",
  method: "GET",
  path: "/resource_classes",
  policy: "placement:resource_classes:list",
  success: 200,
  summary: "Lists resource classes.",
  async handle(request, { store }) {
    const names = await listClasses(store.read);
    const body = { resource_classes: names.map((name) => shownClass(request.baseUrl, name)) };
    return dated(request, now(store.read), { body });
  },
});

export const createResourceClass = route({
  since: "1.2",
  method: "POST",
  path: "/resource_classes",
  policy: "placement:resource_classes:create",
  body: classBody,
  success: 201,
  summary: "Creates a resource class.",
  async handle({ body, baseUrl }, { store }) {
    const isNew = await store.transaction((tx) => ensureClass(tx, body.name));
    if (!isNew) throw placementErrors.classExists(body.name);
    return reply({ headers: { Location: hrefOf(baseUrl, body.name) }, body: null });
  },
});

export const showResourceClass = route({
  since: "1.2",
  method: "GET",
  path: "/resource_classes/:name",
  policy: "placement:resource_classes:show",
  success: 200,
  summary: "Shows a resource class.",
  async handle(request, { store }) {
    const name = request.params["name"]!;
    if (!(await hasClass(store.read, name))) throw placementErrors.classNotFound(name);
    return dated(request, now(store.read), { body: shownClass(request.baseUrl, name) });
  },
});

export const renameResourceClass = route({
  since: "1.2",
  until: "1.6",
  method: "PUT",
  path: "/resource_classes/:name",
  policy: "placement:resource_classes:update",
  body: classBody,
  success: 200,
  summary: "Renames a resource class.",
  async handle({ params, body, baseUrl }, { store }) {
    await store.transaction((tx) => renameClass(tx, params["name"]!, body.name));
    return shownClass(baseUrl, body.name);
  },
});

const customName = /^CUSTOM_[A-Z0-9_]{1,248}$/;

export const putResourceClass = route({
  since: "1.7",
  method: "PUT",
  path: "/resource_classes/:name",
  policy: "placement:resource_classes:update",
  success: 201,
  summary: "Makes sure that there is such a resource class.",
  async handle({ params, baseUrl }, { store }) {
    const name = params["name"]!;
    if (!customName.test(name)) throw placementErrors.classNotCustom(name);
    const isNew = await store.transaction((tx) => ensureClass(tx, name));
    return reply({ status: isNew ? 201 : 204, headers: { Location: hrefOf(baseUrl, name) }, body: null });
  },
});

export const deleteResourceClass = route({
  since: "1.2",
  method: "DELETE",
  path: "/resource_classes/:name",
  policy: "placement:resource_classes:delete",
  success: 204,
  summary: "Deletes a resource class of one's own that nobody has.",
  async handle({ params }, { store }) {
    await store.transaction((tx) => removeClass(tx, params["name"]!));
  },
});
