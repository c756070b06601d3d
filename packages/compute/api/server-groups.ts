// Server groups.
import { type ApiRequest, always, reply, routesOf, sinceField, untilField, type View } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import {
  createServerGroup,
  deleteServerGroup,
  getServerGroup,
  listServerGroups,
  type ServerGroupWithMembers,
} from "../server-groups.ts";
import { createServerGroupBody, serverGroupsQuery } from "./schemas/resources.ts";
import { emptyQuery } from "./schemas/servers.ts";

const route = routesOf<ComputeDeps>();

const view: View<ServerGroupWithMembers> = {
  id: always((group) => group.id),
  name: always((group) => group.name),
  policies: untilField("2.63", (group) => [group.policy]),
  policy: sinceField("2.64", (group) => group.policy),
  rules: sinceField("2.64", (group) => JSON.parse(group.rules)),
  members: always((group) => group.members),
  metadata: untilField("2.63", () => ({})),
  project_id: sinceField("2.13", (group) => group.project_id),
  user_id: sinceField("2.13", (group) => group.user_id),
};

export const serverGroupRoutes = [
  route({
    method: "GET",
    path: "/os-server-groups",
    policy: "os_compute_api:os-server-groups:index",
    query: serverGroupsQuery,
    success: 200,
    summary: "Lists server groups.",
    async handle(request, { store, config }) {
      // The schema says: an object of lists of texts.
      const query = request.query as Readonly<Record<string, readonly string[] | undefined>>;
      const isAll = query["all_projects"] !== undefined && request.context.isAdmin;
      const projectId = isAll ? null : (request.context.projectId ?? "");
      const number = (key: string, absent: number) => Number(query[key]?.at(-1) ?? absent);
      const limit = Math.min(config.max_limit, number("limit", config.max_limit));
      const groups = await listServerGroups(store.read, projectId, { limit, offset: number("offset", 0) });
      return { server_groups: groups.map((group) => request.render(view, group)) };
    },
  }),
  route({
    method: "POST",
    path: "/os-server-groups",
    policy: "os_compute_api:os-server-groups:create",
    body: createServerGroupBody,
    success: 200,
    summary: "Creates a server group.",
    async handle(request, { store }) {
      const wanted = wantedOf(request.body.server_group);
      const group = await store.transaction((tx) => createServerGroup(tx, request.context, wanted));
      return { server_group: request.render(view, group) };
    },
  }),
  route({
    method: "GET",
    path: "/os-server-groups/:group_id",
    policy: "os_compute_api:os-server-groups:show",
    query: emptyQuery,
    success: 200,
    summary: "Shows a server group.",
    async handle(request, { store }) {
      const group = await getServerGroup(store.read, request.context, groupId(request));
      return { server_group: request.render(view, group) };
    },
  }),
  route({
    method: "DELETE",
    path: "/os-server-groups/:group_id",
    policy: "os_compute_api:os-server-groups:delete",
    success: 204,
    summary: "Deletes a server group. Its servers stay where they are.",
    async handle(request, { store }) {
      await store.transaction((tx) => deleteServerGroup(tx, request.context, groupId(request)));
      return reply({ body: null });
    },
  }),
];

function groupId({ params }: Pick<ApiRequest<unknown, unknown>, "params">): string {
  return params["group_id"]!;
}

interface GivenGroup {
  readonly name: string;
  readonly policy?: string;
  readonly policies?: readonly unknown[];
  readonly rules?: { readonly max_server_per_host?: string | number };
}

/** Both shapes as one: up to 2.63 a list of one policy, then a policy and its rules. */
function wantedOf(given: GivenGroup) {
  const most = given.rules?.max_server_per_host;
  return {
    name: given.name,
    policy: given.policy ?? String(given.policies?.[0]),
    serversPerHostMax: most === undefined ? null : Number(most),
  };
}
