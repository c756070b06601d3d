// Projects: what resources belong to. They form a tree below their domain.
import { hexId } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { getDomain } from "./domains.ts";
import { errors } from "./errors.ts";
import { revoke, subjectOf } from "./revocations.ts";
import type { ProjectTable } from "./tables.ts";

export type Project = ProjectTable;
export type ProjectChange = Partial<
  Pick<Project, "name" | "description" | "enabled" | "tags" | "options" | "extra">
>;

// Keystone's limit, the domain counted.
const treeDepthMax = 5;

export interface ProjectFilter {
  readonly domain_id?: string;
  readonly name?: string;
  readonly parent_id?: string;
  readonly ids?: readonly string[];
}

export async function listProjects(tx: Tx, filter: ProjectFilter = {}): Promise<Project[]> {
  let query = tx.selectFrom("projects").selectAll();
  if (filter.domain_id !== undefined) query = query.where("domain_id", "=", filter.domain_id);
  if (filter.name !== undefined) query = query.where("name", "=", filter.name);
  if (filter.parent_id !== undefined) query = query.where("parent_id", "=", filter.parent_id);
  if (filter.ids !== undefined) query = query.where("id", "in", filter.ids);
  return query.orderBy("name").execute();
}

export async function findProject(tx: Tx, id: string): Promise<Project | null> {
  return (await tx.selectFrom("projects").selectAll().where("id", "=", id).executeTakeFirst()) ?? null;
}

export async function getProject(tx: Tx, id: string): Promise<Project> {
  const project = await findProject(tx, id);
  if (project === null) throw errors.notFound("project", id);
  return project;
}

export async function createProject(
  tx: Tx,
  project: { readonly name: string; readonly domain_id: string; readonly parent_id?: string } & ProjectChange,
): Promise<Project> {
  await getDomain(tx, project.domain_id);
  const parentId = project.parent_id ?? project.domain_id;
  await checkPlace(tx, parentId, project.domain_id);
  const row = await tx
    .insertInto("projects")
    .values({
      description: "",
      enabled: 1,
      tags: "[]",
      options: "{}",
      extra: "{}",
      ...project,
      id: hexId(newId(tx)),
      parent_id: parentId,
      created_at: now(tx),
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw nameTaken(project.name, await idOfName(tx, project.domain_id, project.name));
}

export async function updateProject(tx: Tx, id: string, change: ProjectChange): Promise<Project> {
  const before = await getProject(tx, id);
  const namesake = change.name === undefined ? id : await idOfName(tx, before.domain_id, change.name);
  if (namesake !== null && namesake !== id) throw nameTaken(change.name ?? before.name, namesake);
  const row = await tx
    .updateTable("projects")
    .set({ ...change, id })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (before.enabled === 1 && row.enabled === 0) await revoke(tx, [subjectOf.project(id)]);
  return row;
}

export async function deleteProject(tx: Tx, id: string): Promise<void> {
  await getProject(tx, id);
  const [child] = await listProjects(tx, { parent_id: id });
  if (child !== undefined) {
    throw errors.forbidden(
      `cannot delete the project ${id} since it is not a leaf in the hierarchy. ` +
        "Use the cascade option if you want to delete a whole subtree",
    );
  }
  await tx.deleteFrom("assignments").where("scope_id", "=", id).execute();
  await tx.deleteFrom("application_credentials").where("project_id", "=", id).execute();
  await tx
    .updateTable("users")
    .set({ default_project_id: null })
    .where("default_project_id", "=", id)
    .execute();
  await tx.deleteFrom("projects").where("id", "=", id).execute();
  await revoke(tx, [subjectOf.project(id)]);
}

/** The projects above, nearest first; the domain is not among them. */
export async function projectParents(tx: Tx, project: Project): Promise<Project[]> {
  const parents: Project[] = [];
  let above = project.parent_id === project.domain_id ? null : await findProject(tx, project.parent_id);
  while (above !== null) {
    parents.push(above);
    above = above.parent_id === above.domain_id ? null : await findProject(tx, above.parent_id);
  }
  return parents;
}

/** The projects below, nearest first. */
export async function projectSubtree(tx: Tx, id: string): Promise<Project[]> {
  const found: Project[] = [];
  for (let level = [id]; level.length > 0; ) {
    const below = await tx.selectFrom("projects").selectAll().where("parent_id", "in", level).execute();
    found.push(...below);
    level = below.map((project) => project.id);
  }
  return found;
}

async function checkPlace(tx: Tx, parentId: string, domainId: string): Promise<void> {
  if (parentId === domainId) return;
  const parent = await getProject(tx, parentId);
  if (parent.domain_id !== domainId) {
    throw errors.invalid(
      "Cannot create project, since it specifies its domain_id and a parent in another domain.",
    );
  }
  const above = await projectParents(tx, parent);
  // The domain, the projects above the parent, the parent and the new one.
  if (above.length + 3 > treeDepthMax) {
    throw errors.forbidden(`max hierarchy depth reached for ${parentId} branch`);
  }
}

async function idOfName(tx: Tx, domainId: string, name: string): Promise<string | null> {
  const [namesake] = await listProjects(tx, { domain_id: domainId, name });
  return namesake?.id ?? null;
}

function nameTaken(name: string, id: string | null) {
  return errors.duplicate(
    "project",
    "it is not permitted to have two projects with either the same name or same id in the same domain: " +
      `name is ${name}, project id ${id}`,
  );
}
