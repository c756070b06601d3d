// How identity's rows look to clients.
import { isoMicros, type Millis } from "@micronova/kit";
import type { ApplicationCredential } from "../application-credentials.ts";
import { type CatalogEndpoint, type CatalogService, type Region, withOrigin } from "../catalog.ts";
import type { Domain } from "../domains.ts";
import type { Group } from "../groups.ts";
import type { Project } from "../projects.ts";
import type { Role } from "../roles.ts";
import type { User } from "../users.ts";
import type { Asked } from "./collections.ts";

type Base = Pick<Asked, "baseUrl">;

/** Keystone's times: microseconds and `Z`. */
export function time(at: Millis): string {
  return `${isoMicros(at)}Z`;
}

function links({ baseUrl }: Base, path: string) {
  return { links: { self: `${baseUrl}/v3/${path}` } };
}

export function domainView(base: Base, domain: Domain) {
  const { id, name, description } = domain;
  const options = JSON.parse(domain.options);
  return {
    id,
    name,
    description,
    enabled: domain.enabled === 1,
    tags: [],
    options,
    ...links(base, `domains/${id}`),
  };
}

export function projectView(base: Base, project: Project) {
  const { id, name, domain_id, parent_id, description } = project;
  return {
    ...JSON.parse(project.extra),
    id,
    name,
    domain_id,
    parent_id,
    description,
    enabled: project.enabled === 1,
    is_domain: false,
    tags: JSON.parse(project.tags),
    options: JSON.parse(project.options),
    ...links(base, `projects/${id}`),
  };
}

export function userView(base: Base, user: User) {
  const { id, name, domain_id, default_project_id, description } = user;
  return {
    ...JSON.parse(user.extra),
    id,
    name,
    domain_id,
    ...(default_project_id === null ? {} : { default_project_id }),
    ...(description === null ? {} : { description }),
    enabled: user.enabled === 1,
    options: JSON.parse(user.options),
    password_expires_at: null,
    ...links(base, `users/${id}`),
  };
}

/** One user, unlike a list of them, says which identities of other clouds it is. There are none. */
export function userShownView(base: Base, user: User) {
  return { ...userView(base, user), federated: [] };
}

export function groupView(base: Base, group: Group) {
  const { id, name, domain_id, description } = group;
  return { id, name, domain_id, description, ...links(base, `groups/${id}`) };
}

export function roleView(base: Base, role: Role) {
  const { id, name, domain_id, description } = role;
  return {
    id,
    name,
    domain_id,
    description,
    options: JSON.parse(role.options),
    ...links(base, `roles/${id}`),
  };
}

/** A role as rules of implication show it. */
export function roleRefView(base: Base, { id, name }: Role) {
  return { id, name, ...links(base, `roles/${id}`) };
}

export function serviceView(base: Base, service: CatalogService) {
  const { id, type, name, description } = service;
  return { id, type, name, description, enabled: service.enabled === 1, ...links(base, `services/${id}`) };
}

export function endpointView(base: Pick<Asked, "baseUrl" | "origin">, endpoint: CatalogEndpoint) {
  const { id, service_id, region_id } = endpoint;
  return {
    id,
    service_id,
    interface: endpoint.interface,
    region: region_id,
    region_id,
    url: withOrigin(endpoint.url, base.origin),
    enabled: endpoint.enabled === 1,
    ...links(base, `endpoints/${id}`),
  };
}

export function regionView(base: Base, { id, description, parent_region_id }: Region) {
  return { id, description, parent_region_id, ...links(base, `regions/${id}`) };
}

export function credentialView(base: Base, credential: ApplicationCredential, roles: readonly Role[]) {
  const { id, name, description, project_id, user_id, expires_at } = credential;
  const granted: string[] = JSON.parse(credential.roles);
  return {
    id,
    name,
    description,
    project_id,
    user_id,
    expires_at: expires_at === null ? null : isoMicros(expires_at),
    unrestricted: credential.unrestricted === 1,
    system: null,
    roles: roles
      .filter((role) => granted.includes(role.id))
      .map((role) => ({ id: role.id, name: role.name, domain_id: role.domain_id })),
    access_rules: [],
    ...links(base, `users/${user_id}/application_credentials/${id}`),
  };
}
