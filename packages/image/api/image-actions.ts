// Actions, tags and the tasks of an image.
import { Type } from "@micronova/http";
import { imageErrors } from "../errors.ts";
import { act, addTag, get, getOwn, removeTag } from "../images.ts";
import { route } from "./route.ts";

// Glance's own limit of a tag.
const tagCharsMax = 255;

export const deactivateImage = route({
  method: "POST",
  path: "/v2/images/:image_id/actions/deactivate",
  policy: "deactivate",
  success: 204,
  summary: "Keeps all but administrators from an image's data.",
  handle: ({ params, context }, { store }) =>
    store.transaction((tx) => act(tx, context, params["image_id"]!, "deactivate")),
});

export const reactivateImage = route({
  method: "POST",
  path: "/v2/images/:image_id/actions/reactivate",
  policy: "reactivate",
  success: 204,
  summary: "Lets an image's data be used again.",
  handle: ({ params, context }, { store }) =>
    store.transaction((tx) => act(tx, context, params["image_id"]!, "reactivate")),
});

export const putTag = route({
  method: "PUT",
  path: "/v2/images/:image_id/tags/:tag",
  policy: "modify_image",
  success: 204,
  summary: "Tags an image.",
  async handle({ params, context }, { store }) {
    const tag = params["tag"]!;
    if (tag.length > tagCharsMax) {
      throw imageErrors.badFilter(`Provided tag is longer than ${tagCharsMax} characters.`);
    }
    await store.transaction(async (tx) => {
      const image = await getOwn(tx, context, params["image_id"]!, "modify_image");
      await addTag(tx, image.id, tag);
    });
  },
});

export const deleteTag = route({
  method: "DELETE",
  path: "/v2/images/:image_id/tags/:tag",
  policy: "modify_image",
  success: 204,
  summary: "Removes a tag from an image.",
  handle: ({ params, context }, { store }) =>
    store.transaction(async (tx) => {
      const image = await getOwn(tx, context, params["image_id"]!, "modify_image");
      await removeTag(tx, image.id, params["tag"]!);
    }),
});

// Images are never made by tasks here, so there are none to show.
export const listAllTasks = route({
  method: "GET",
  path: "/v2/tasks",
  policy: "tasks_api_access",
  success: 200,
  summary: "Lists all tasks: none.",
  handle: async () => ({ tasks: [], first: "/v2/tasks", schema: "/v2/schemas/tasks" }),
});

export const listTasks = route({
  method: "GET",
  path: "/v2/images/:image_id/tasks",
  policy: "get_image",
  query: Type.Object({}),
  success: 200,
  summary: "Lists the tasks of an image: none.",
  async handle({ params, context }, { store }) {
    await get(store.read, context, params["image_id"]!);
    return { tasks: [] };
  },
});
