// Groups and their members.
import { routesOf } from "@micronova/http";
import Type from "typebox";
import type { IdentityDeps } from "../deps.ts";
import {
  addMember,
  checkMember,
  createGroup,
  deleteGroup,
  getGroup,
  listGroups,
  listGroupsOfUser,
  listMembers,
  removeMember,
  updateGroup,
} from "../groups.ts";
import { unlessOwn } from "../policies.ts";
import { defaultDomainId } from "../seed.ts";
import { collection } from "./collections.ts";
import { description, id, name } from "./schemas.ts";
import { groupView, userView } from "./views.ts";

const route = routesOf<IdentityDeps>();

const crudRoutes = [
  route({
    method: "GET",
    path: "/v3/groups",
    policy: "identity:list_groups",
    success: 200,
    summary: "Lists groups.",
    async handle(request, { store }) {
      const views = (await listGroups(store.read)).map((group) => groupView(request, group));
      return collection(request, "groups", views, ["name", "domain_id"]);
    },
  }),
  route({
    method: "POST",
    path: "/v3/groups",
    policy: "identity:create_group",
    body: Type.Object({
      group: Type.Object({
        name,
        domain_id: Type.Optional(id),
        description: Type.Optional(description),
      }),
    }),
    success: 201,
    summary: "Creates a group.",
    async handle(request, deps) {
      const given = request.body.group;
      const domain_id = given.domain_id ?? request.context.domainId ?? defaultDomainId;
      const group = await deps.change((tx) =>
        createGroup(tx, { name: given.name, domain_id, description: given.description ?? "" }),
      );
      return { group: groupView(request, group) };
    },
  }),
  route({
    method: "GET",
    path: "/v3/groups/:group_id",
    policy: "identity:get_group",
    success: 200,
    summary: "Shows a group.",
    async handle(request, { store }) {
      return { group: groupView(request, await getGroup(store.read, request.params["group_id"]!)) };
    },
  }),
  route({
    method: "PATCH",
    path: "/v3/groups/:group_id",
    policy: "identity:update_group",
    body: Type.Object({
      group: Type.Object(
        { name: Type.Optional(name), description: Type.Optional(description) },
        { minProperties: 1 },
      ),
    }),
    success: 200,
    summary: "Changes a group.",
    async handle(request, deps) {
      const given = request.body.group;
      const change = {
        ...(given.name === undefined ? {} : { name: given.name }),
        ...(given.description === undefined ? {} : { description: given.description ?? "" }),
      };
      const group = await deps.change((tx) => updateGroup(tx, request.params["group_id"]!, change));
      return { group: groupView(request, group) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/groups/:group_id",
    policy: "identity:delete_group",
    success: 204,
    summary: "Deletes a group and the roles it gave its members.",
    async handle(request, deps) {
      await deps.change((tx) => deleteGroup(tx, request.params["group_id"]!));
    },
  }),
];

const memberPath = "/v3/groups/:group_id/users/:user_id";

const memberRoutes = [
  route({
    method: "GET",
    path: "/v3/groups/:group_id/users",
    policy: "identity:list_users_in_group",
    success: 200,
    summary: "Lists a group's members.",
    async handle(request, { store }) {
      const members = await listMembers(store.read, request.params["group_id"]!);
      const views = members.map((user) => userView(request, user));
      return collection(request, "users", views, ["name", "domain_id", "enabled"]);
    },
  }),
  route({
    method: "GET",
    path: "/v3/users/:user_id/groups",
    policy: "identity:authenticated",
    success: 200,
    summary: "Lists the groups a user is in.",
    async handle(request, { store }) {
      const userId = request.params["user_id"]!;
      unlessOwn(request, { userId }, "identity:list_groups_for_user");
      const groups = await listGroupsOfUser(store.read, userId);
      const views = groups.map((group) => ({ ...groupView(request, group), membership_expires_at: null }));
      return collection(request, "groups", views);
    },
  }),
  route({
    method: "PUT",
    path: memberPath,
    policy: "identity:add_user_to_group",
    success: 204,
    summary: "Adds a user to a group.",
    async handle({ params }, deps) {
      await deps.change((tx) => addMember(tx, params["group_id"]!, params["user_id"]!));
    },
  }),
  route({
    method: "GET",
    path: memberPath,
    policy: "identity:check_user_in_group",
    success: 204,
    summary: "Says whether a user is in a group.",
    async handle({ params }, { store }) {
      await checkMember(store.read, params["group_id"]!, params["user_id"]!);
    },
  }),
  route({
    method: "DELETE",
    path: memberPath,
    policy: "identity:remove_user_from_group",
    success: 204,
    summary: "Removes a user from a group and ends its tokens.",
    async handle({ params }, deps) {
      await deps.change((tx) => removeMember(tx, params["group_id"]!, params["user_id"]!));
    },
  }),
];

export const groupRoutes = [...crudRoutes, ...memberRoutes];
