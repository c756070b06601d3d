// What a fresh cloud has: the domain `Default`, the projects and users `admin` and `demo`, the roles, and the
// catalog of its own services.
import { hexId } from "@micronova/kit";
import { newId, type Tx } from "@micronova/store";
import { addGrant, type ScopeRef, systemScope } from "./assignments.ts";
import { createEndpoint, createRegion, createService, listServices, originMark } from "./catalog.ts";
import { createDomain, findDomain } from "./domains.ts";
import { hashNow } from "./passwords.ts";
import { createProject, listProjects } from "./projects.ts";
import { addImplication, createRole } from "./roles.ts";
import { createUser, type User } from "./users.ts";

export const defaultDomainId = "default";

export interface IdentitySeed {
  readonly adminPassword: string;
  readonly demoPassword: string;
  readonly region: string;
}

// The types and names clients know, and where the services answer.
const services = [
  { type: "identity", name: "keystone", path: "/identity", description: "Users, projects, roles and tokens" },
  { type: "compute", name: "nova", path: "/compute/v2.1", description: "Servers" },
  { type: "image", name: "glance", path: "/image", description: "Images" },
  { type: "volumev3", name: "cinderv3", path: "/volume/v3/$(project_id)s", description: "Volumes" },
  { type: "block-storage", name: "cinder", path: "/volume/v3/$(project_id)s", description: "Volumes" },
  { type: "network", name: "neutron", path: "/network", description: "Networks" },
  { type: "placement", name: "placement", path: "/placement", description: "Resource providers" },
] as const;

const interfaces = ["public", "internal", "admin"] as const;

// Each implies the next, as Keystone's own bootstrap makes them.
const roleChain = ["admin", "manager", "member", "reader"] as const;

/** Fills empty tables; a cloud that has the default domain is left as it is. */
export async function seedIdentity(
  tx: Tx,
  seed: IdentitySeed,
): Promise<{ readonly adminProjectId: string; readonly demoProjectId: string }> {
  if ((await findDomain(tx, defaultDomainId)) !== null) return knownProjects(tx);
  const description = "The default domain";
  await createDomain(tx, { id: defaultDomainId, name: "Default", description });
  const { admin, member } = await seedRoles(tx);
  const adminProject = await createProject(tx, { name: "admin", domain_id: defaultDomainId });
  const demoProject = await createProject(tx, { name: "demo", domain_id: defaultDomainId });
  const adminUser = await seedUser(tx, { name: "admin", password: seed.adminPassword });
  const demoUser = await seedUser(tx, { name: "demo", password: seed.demoPassword });
  const projects: ScopeRef[] = [adminProject, demoProject].map(({ id }) => ({ kind: "project", id }));
  for (const scope of [...projects, systemScope]) {
    await addGrant(tx, { actor: { kind: "user", id: adminUser.id }, scope, inherited: false }, admin);
  }
  const onDemo: ScopeRef = { kind: "project", id: demoProject.id };
  await addGrant(tx, { actor: { kind: "user", id: demoUser.id }, scope: onDemo, inherited: false }, member);
  await seedCatalog(tx, seed.region);
  return { adminProjectId: adminProject.id, demoProjectId: demoProject.id };
}

async function knownProjects(tx: Tx) {
  const known = await listProjects(tx, { domain_id: defaultDomainId });
  const idOf = (name: string) => known.find((project) => project.name === name)?.id ?? "";
  return { adminProjectId: idOf("admin"), demoProjectId: idOf("demo") };
}

async function seedRoles(tx: Tx): Promise<{ readonly admin: string; readonly member: string }> {
  const ids = new Map<string, string>();
  for (const name of [...roleChain, "service"]) {
    const role = await createRole(tx, { name, options: JSON.stringify({ immutable: true }) });
    ids.set(name, role.id);
  }
  for (const [at, implied] of roleChain.slice(1).entries()) {
    await addImplication(tx, {
      prior_role_id: ids.get(roleChain[at]!)!,
      implied_role_id: ids.get(implied)!,
    });
  }
  return { admin: ids.get("admin")!, member: ids.get("member")! };
}

async function seedUser(tx: Tx, user: { readonly name: string; readonly password: string }): Promise<User> {
  // A salt has only to be unlike all others, as ids are.
  const hash = hashNow(user.password, Buffer.from(hexId(newId(tx)), "hex"));
  return createUser(tx, { name: user.name, domain_id: defaultDomainId }, hash);
}

async function seedCatalog(tx: Tx, region: string): Promise<void> {
  if ((await listServices(tx)).length > 0) return;
  await createRegion(tx, { id: region });
  for (const { type, name, path, description } of services) {
    const { id } = await createService(tx, { type, name, description });
    for (const kind of interfaces) {
      const url = `${originMark}${path}`;
      await createEndpoint(tx, { service_id: id, interface: kind, url, region_id: region });
    }
  }
}
