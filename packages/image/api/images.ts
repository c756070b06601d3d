// `/v2/images`: making, listing, showing, changing and deleting images.
import { type ApiRequest, pageOf, reply, Type } from "@micronova/http";
import { list } from "../image-list.ts";
import { create, get, type NewImage, remove, update } from "../images.ts";
import { changeOf, checkName, patchTypes } from "./image-patch.ts";
import { baseNames, type CreateBody, createBody } from "./image-schema.ts";
import { imageView } from "./image-view.ts";
import { imageQueryOf } from "./list-query.ts";
import { route } from "./route.ts";

// Any key may be a filter: those Glance does not know are the client's own properties.
const listQuery = Type.Object(
  {
    tag: Type.Optional(Type.Array(Type.String())),
    sort_key: Type.Optional(Type.Array(Type.String())),
    sort_dir: Type.Optional(Type.Array(Type.String())),
    created_at: Type.Optional(Type.Array(Type.String())),
    updated_at: Type.Optional(Type.Array(Type.String())),
  },
  { additionalProperties: Type.Union([Type.String(), Type.Array(Type.String())]) },
);

export const createImage = route({
  method: "POST",
  path: "/v2/images",
  policy: "add_image",
  body: createBody,
  success: 201,
  summary: "Makes an image without data.",
  async handle({ body, context, baseUrl }, { store }) {
    const wanted = newImageOf(body);
    const image = await store.transaction((tx) => create(tx, context, wanted));
    return reply({ headers: { Location: `${baseUrl}/v2/images/${image.id}` }, body: imageView(image) });
  },
});

export const listImages = route({
  method: "GET",
  path: "/v2/images",
  policy: "get_images",
  query: listQuery,
  success: 200,
  summary: "Lists the images one may use.",
  async handle(request, { store }) {
    // Of the form the schema has: text, or lists of text.
    const query = imageQueryOf(request.query as Record<string, string | string[]>);
    const images = await list(store.read, request.context, query);
    const last = images.length === query.page.limit ? images.at(-1) : undefined;
    return {
      images: images.map(imageView),
      first: pageUrl(request, null),
      ...(last === undefined ? {} : { next: pageUrl(request, last.id) }),
      schema: "/v2/schemas/images",
    };
  },
});

export const showImage = route({
  method: "GET",
  path: "/v2/images/:image_id",
  policy: "get_image",
  success: 200,
  summary: "Shows an image.",
  handle: async ({ params, context }, { store }) =>
    imageView(await get(store.read, context, params["image_id"]!)),
});

export const updateImage = route({
  method: "PATCH",
  path: "/v2/images/:image_id",
  policy: "modify_image",
  accepts: patchTypes,
  body: Type.Array(Type.Unknown()),
  success: 200,
  summary: "Changes an image by a JSON patch.",
  async handle({ params, context, body }, { store }) {
    const image = await get(store.read, context, params["image_id"]!);
    const change = await changeOf(image, body);
    return imageView(await store.transaction((tx) => update(tx, context, image.id, change)));
  },
});

export const deleteImage = route({
  method: "DELETE",
  path: "/v2/images/:image_id",
  policy: "delete_image",
  success: 204,
  summary: "Deletes an image and its data.",
  handle: ({ params, context }, deps) =>
    deps.store.transaction((tx) => remove(tx, deps, context, params["image_id"]!)),
});

function newImageOf(body: CreateBody): NewImage {
  const entries = Object.entries(body);
  for (const [name] of entries) checkName("create", name);
  const properties = entries.flatMap(([name, value]) =>
    baseNames.includes(name) || value === null ? [] : [[name, String(value)] as const],
  );
  const own = entries.filter(([name]) => baseNames.includes(name));
  // The schema gave each of Glance's own names its type.
  return { ...(Object.fromEntries(own) as NewImage), properties: Object.fromEntries(properties) };
}

/** The address of a page, as Glance gives it: without a host, with what was asked. */
function pageUrl(
  { url, origin, query }: Pick<ApiRequest<never, unknown>, "url" | "origin" | "query">,
  marker: string | null,
): string {
  const asked = new URL(url, origin).searchParams;
  asked.delete("marker");
  if (marker !== null) {
    asked.set("limit", String(pageOf({ query }, { byDefault: 25 }).limit));
    asked.set("marker", marker);
  }
  const text = asked.toString();
  return `/v2/images${text === "" ? "" : `?${text}`}`;
}
