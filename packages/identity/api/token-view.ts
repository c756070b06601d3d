// What a token says, in full: names beside ids, roles, and the catalog for its scope.
import type { ApiRequest } from "@micronova/http";
import type { Tx } from "@micronova/store";
import { findCredential } from "../application-credentials.ts";
import { catalog } from "../catalog.ts";
import type { IdentityDeps } from "../deps.ts";
import { findDomain } from "../domains.ts";
import { listRoles } from "../roles.ts";
import type { Claims } from "../token-format.ts";
import { time } from "./views.ts";

/** `origin` is what the catalog's addresses begin with; null leaves the catalog out. */
export async function tokenView(deps: IdentityDeps, claims: Claims, origin: string | null) {
  const tx = deps.store.read;
  return {
    token: {
      methods: claims.methods,
      user: {
        id: claims.userId,
        name: claims.userName,
        domain: await domainRef(tx, claims.userDomainId),
        password_expires_at: null,
      },
      audit_ids: claims.auditIds,
      issued_at: time(claims.issuedAt),
      expires_at: time(claims.expiresAt),
      ...(await scopeView(tx, claims)),
      ...(await rolesView(tx, claims)),
      ...(await credentialView(tx, claims)),
      ...(await catalogView(tx, claims, origin)),
    },
  };
}

/** The operator's address for the cloud, or the one this client used. */
export function catalogOrigin(
  request: Pick<ApiRequest<unknown, unknown>, "origin">,
  deps: IdentityDeps,
): string {
  return deps.endpoints.origin ?? request.origin;
}

async function scopeView(tx: Tx, { scope }: Claims) {
  if (scope.kind === "unscoped") return {};
  if (scope.kind === "system") return { system: { all: true } };
  if (scope.kind === "domain") return { domain: { id: scope.id, name: scope.name } };
  const domain = await domainRef(tx, scope.domainId);
  return { project: { id: scope.id, name: scope.name, domain }, is_domain: false };
}

async function rolesView(tx: Tx, claims: Claims) {
  if (claims.scope.kind === "unscoped") return {};
  const known = await listRoles(tx, { domain_id: null });
  const held = known.filter((role) => claims.roles.includes(role.name));
  return { roles: held.map(({ id, name }) => ({ id, name })) };
}

async function credentialView(tx: Tx, { applicationCredentialId: id }: Claims) {
  const credential = id === null ? null : await findCredential(tx, id);
  if (credential === null) return {};
  const { name, unrestricted } = credential;
  return { application_credential: { id, name, restricted: unrestricted === 0 } };
}

async function catalogView(tx: Tx, { scope }: Claims, origin: string | null) {
  if (origin === null || scope.kind === "unscoped") return {};
  return { catalog: await catalog(tx, { origin, projectId: scope.kind === "project" ? scope.id : null }) };
}

async function domainRef(tx: Tx, id: string) {
  const domain = await findDomain(tx, id);
  return { id, name: domain?.name ?? id };
}
