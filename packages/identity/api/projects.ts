// Projects, their place in the tree, and their tags.
import { type ApiRequest, routesOf } from "@micronova/http";
import Type from "typebox";
import { scopeIdsOf } from "../assignments.ts";
import type { IdentityDeps } from "../deps.ts";
import { findDomain } from "../domains.ts";
import { errors } from "../errors.ts";
import { unlessOwn } from "../policies.ts";
import {
  createProject,
  deleteProject,
  findProject,
  getProject,
  listProjects,
  type Project,
  projectParents,
  projectSubtree,
  updateProject,
} from "../projects.ts";
import { defaultDomainId } from "../seed.ts";
import { collection, isSaid, queryOf } from "./collections.ts";
import {
  description,
  enabled,
  enabledColumn,
  extraOf,
  id,
  idOrNull,
  keptOptions,
  resourceOptions,
  shortName,
} from "./schemas.ts";
import { projectView } from "./views.ts";

const route = routesOf<IdentityDeps>();

// Neither too many for one column nor with what would split them in an address.
const tags = Type.Array(Type.String({ minLength: 1, maxLength: 255, pattern: "^[^,/]*$" }), {
  maxItems: 80,
  uniqueItems: true,
});
const attributes = {
  description: Type.Optional(description),
  enabled: Type.Optional(enabled),
  is_domain: Type.Optional(Type.Boolean()),
  parent_id: Type.Optional(idOrNull),
  tags: Type.Optional(tags),
  options: Type.Optional(resourceOptions),
};
const known = ["id", "links", "name", "domain_id", ...Object.keys(attributes)];
const filters = ["name", "domain_id", "enabled", "parent_id", "is_domain"];

const listRoutes = [
  route({
    method: "GET",
    path: "/v3/projects",
    policy: "identity:list_projects",
    success: 200,
    summary: "Lists projects.",
    async handle(request, { store }) {
      const { name, domain_id } = queryOf(request);
      const exact = {
        ...(name === undefined ? {} : { name }),
        ...(domain_id === undefined ? {} : { domain_id }),
      };
      const projects = await listProjects(store.read, exact);
      return collection(request, "projects", withTags(request, projects), filters);
    },
  }),
  route({
    method: "GET",
    path: "/v3/users/:user_id/projects",
    policy: "identity:authenticated",
    success: 200,
    summary: "Lists the projects on which a user has a role.",
    async handle(request, { store }) {
      const userId = request.params["user_id"]!;
      unlessOwn(request, { userId }, "identity:list_user_projects");
      const ids = await scopeIdsOf(store.read, userId, "project");
      return collection(
        request,
        "projects",
        withTags(request, await listProjects(store.read, { ids })),
        filters,
      );
    },
  }),
];

const oneRoutes = [
  route({
    method: "POST",
    path: "/v3/projects",
    policy: "identity:create_project",
    body: Type.Object({
      project: Type.Object({ name: shortName, domain_id: Type.Optional(idOrNull), ...attributes }),
    }),
    success: 201,
    summary: "Creates a project.",
    async handle(request, deps) {
      const given = request.body.project;
      if (given.is_domain === true) throw errors.invalid("Create a domain through /v3/domains.");
      const extra = JSON.stringify(extraOf(given, known));
      const project = await deps.change(async (tx) => {
        const parent = given.parent_id ?? null;
        const above = parent === null ? null : await findProject(tx, parent);
        const isInDomain = parent !== null && (await findDomain(tx, parent)) !== null;
        const domain_id =
          given.domain_id ?? above?.domain_id ?? (isInDomain ? parent : ownDomain(request.context));
        const place = parent === null ? { domain_id } : { domain_id, parent_id: parent };
        return createProject(tx, { name: given.name, ...place, ...columns(given, "{}"), extra });
      });
      return { project: projectView(request, project) };
    },
  }),
  route({
    method: "GET",
    path: "/v3/projects/:project_id",
    policy: "identity:authenticated",
    success: 200,
    summary: "Shows a project, on request with the projects above or below it.",
    async handle(request, { store }) {
      const projectId = request.params["project_id"]!;
      unlessOwn(request, { projectId }, "identity:get_project");
      const project = await getProject(store.read, projectId);
      const family = await familyOf(request, { store }, project);
      return { project: { ...projectView(request, project), ...family } };
    },
  }),
  route({
    method: "PATCH",
    path: "/v3/projects/:project_id",
    policy: "identity:update_project",
    body: Type.Object({
      project: Type.Object(
        { name: Type.Optional(shortName), domain_id: Type.Optional(id), ...attributes },
        { minProperties: 1 },
      ),
    }),
    success: 200,
    summary: "Changes a project. Disabling it ends its tokens.",
    async handle(request, deps) {
      const { name, domain_id, parent_id, ...given } = request.body.project;
      const project = await deps.change(async (tx) => {
        const before = await getProject(tx, request.params["project_id"]!);
        if ((domain_id ?? before.domain_id) !== before.domain_id)
          throw errors.invalid("Cannot change Domain ID");
        if ((parent_id ?? before.parent_id) !== before.parent_id) throw errors.forbidden("update parent_id");
        const extra = JSON.stringify({ ...JSON.parse(before.extra), ...extraOf(given, known) });
        const change = { ...(name === undefined ? {} : { name }), ...columns(given, before.options), extra };
        return updateProject(tx, before.id, change);
      });
      return { project: projectView(request, project) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/projects/:project_id",
    policy: "identity:delete_project",
    success: 204,
    summary: "Deletes a project that has none below it.",
    async handle(request, deps) {
      await deps.change((tx) => deleteProject(tx, request.params["project_id"]!));
    },
  }),
];

const tagRoutes = [
  route({
    method: "GET",
    path: "/v3/projects/:project_id/tags",
    policy: "identity:authenticated",
    success: 200,
    summary: "Lists a project's tags.",
    async handle(request, { store }) {
      const projectId = request.params["project_id"]!;
      unlessOwn(request, { projectId }, "identity:get_project");
      return { tags: JSON.parse((await getProject(store.read, projectId)).tags) };
    },
  }),
  route({
    method: "PUT",
    path: "/v3/projects/:project_id/tags",
    policy: "identity:update_project_tags",
    body: Type.Object({ tags }),
    success: 200,
    summary: "Replaces a project's tags.",
    async handle(request, deps) {
      const wanted = JSON.stringify([...request.body.tags].sort());
      const row = await deps.change((tx) =>
        updateProject(tx, request.params["project_id"]!, { tags: wanted }),
      );
      return { tags: JSON.parse(row.tags) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/projects/:project_id/tags",
    policy: "identity:update_project_tags",
    success: 204,
    summary: "Removes all of a project's tags.",
    async handle(request, deps) {
      await deps.change((tx) => updateProject(tx, request.params["project_id"]!, { tags: "[]" }));
    },
  }),
];

export const projectRoutes = [...listRoutes, ...oneRoutes, ...tagRoutes];

type Request = ApiRequest<unknown, unknown>;

/** The projects' views, those kept that the query's `tags` ask for. */
function withTags(request: Request, projects: readonly Project[]) {
  const wanted = (queryOf(request)["tags"] ?? "").split(",").filter((tag) => tag !== "");
  return projects
    .map((project) => projectView(request, project))
    .filter((view) => wanted.every((tag) => view.tags.includes(tag)));
}

function ownDomain(context: Request["context"]): string {
  return context.domainId ?? defaultDomainId;
}

function columns(
  given: {
    readonly description?: string | null;
    readonly enabled?: boolean;
    readonly tags?: readonly string[];
    readonly options?: object;
  },
  optionsBefore: string,
) {
  return {
    ...(given.description === undefined ? {} : { description: given.description ?? "" }),
    ...enabledColumn(given),
    ...(given.tags === undefined ? {} : { tags: JSON.stringify([...given.tags].sort()) }),
    ...(given.options === undefined ? {} : { options: keptOptions(optionsBefore, given.options) }),
  };
}

async function familyOf(request: Request, { store }: Pick<IdentityDeps, "store">, project: Project) {
  const query = queryOf(request);
  const view = (other: Project) => ({ project: projectView(request, other) });
  const parents = isSaid(query, "parents_as_list") ? await projectParents(store.read, project) : null;
  const subtree = isSaid(query, "subtree_as_list") ? await projectSubtree(store.read, project.id) : null;
  return {
    ...(parents === null ? {} : { parents: parents.map(view) }),
    ...(subtree === null ? {} : { subtree: subtree.map(view) }),
  };
}
