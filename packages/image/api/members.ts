// `/v2/images/:image_id/members`: whom an image is shared with.
import { Type } from "@micronova/http";
import { addMember, getMember, listMembers, removeMember, setMemberStatus } from "../members.ts";
import { memberView } from "./image-view.ts";
import { route } from "./route.ts";

export const createMember = route({
  method: "POST",
  path: "/v2/images/:image_id/members",
  policy: "add_member",
  body: Type.Object({ member: Type.String({ minLength: 1, maxLength: 255 }) }),
  success: 200,
  summary: "Shares an image with a project.",
  handle: ({ params, context, body }, { store }) =>
    store.transaction(async (tx) =>
      memberView(await addMember(tx, context, params["image_id"]!, body.member)),
    ),
});

export const listImageMembers = route({
  method: "GET",
  path: "/v2/images/:image_id/members",
  policy: "get_members",
  success: 200,
  summary: "Lists the projects an image is shared with.",
  async handle({ params, context }, { store }) {
    const members = await listMembers(store.read, context, params["image_id"]!);
    return { members: members.map(memberView), schema: "/v2/schemas/members" };
  },
});

export const showMember = route({
  method: "GET",
  path: "/v2/images/:image_id/members/:member_id",
  policy: "get_member",
  success: 200,
  summary: "Shows one project an image is shared with.",
  handle: async ({ params, context }, { store }) =>
    memberView(await getMember(store.read, context, params["image_id"]!, params["member_id"]!)),
});

export const updateMember = route({
  method: "PUT",
  path: "/v2/images/:image_id/members/:member_id",
  policy: "modify_member",
  body: Type.Object({
    status: Type.Union([Type.Literal("pending"), Type.Literal("accepted"), Type.Literal("rejected")]),
  }),
  success: 200,
  summary: "Accepts or rejects a shared image.",
  handle: ({ params, context, body }, { store }) => {
    const change = { id: params["image_id"]!, member: params["member_id"]!, status: body.status };
    return store.transaction(async (tx) => memberView(await setMemberStatus(tx, context, change)));
  },
});

export const deleteMember = route({
  method: "DELETE",
  path: "/v2/images/:image_id/members/:member_id",
  policy: "delete_member",
  success: 204,
  summary: "Stops sharing an image with a project.",
  handle: ({ params, context }, { store }) =>
    store.transaction((tx) => removeMember(tx, context, params["image_id"]!, params["member_id"]!)),
});
