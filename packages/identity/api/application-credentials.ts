// Application credentials. Only the user itself makes them; the secret is shown once, in that answer.
import { type ApiRequest, routesOf } from "@micronova/http";
import type { Tx } from "@micronova/store";
import Type from "typebox";
import {
  createCredential,
  deleteCredential,
  getCredential,
  listCredentials,
} from "../application-credentials.ts";
import type { IdentityDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { unlessOwn } from "../policies.ts";
import { listRoles, type Role } from "../roles.ts";
import { collection } from "./collections.ts";
import { description, name } from "./schemas.ts";
import { credentialView } from "./views.ts";

const route = routesOf<IdentityDeps>();

// As many as Keystone's own.
const secretBytes = 64;

const body = Type.Object({
  application_credential: Type.Object({
    name,
    secret: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()])),
    description: Type.Optional(description),
    expires_at: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    unrestricted: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    access_rules: Type.Optional(Type.Union([Type.Array(Type.Object({})), Type.Null()])),
    roles: Type.Optional(
      Type.Array(Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) })),
    ),
  }),
});

const collectionPath = "/v3/users/:user_id/application_credentials";

export const applicationCredentialRoutes = [
  route({
    method: "GET",
    path: collectionPath,
    policy: "identity:authenticated",
    success: 200,
    summary: "Lists a user's application credentials.",
    async handle(request, { store }) {
      const userId = request.params["user_id"]!;
      unlessOwn(request, { userId }, "identity:list_application_credentials");
      const roles = await listRoles(store.read);
      const rows = await listCredentials(store.read, userId);
      return collection(
        request,
        "application_credentials",
        rows.map((row) => credentialView(request, row, roles)),
      );
    },
  }),
  route({
    method: "POST",
    path: collectionPath,
    policy: "identity:authenticated",
    body,
    success: 201,
    summary: "Makes an application credential for the project of the caller's token.",
    async handle(request, deps) {
      const userId = request.params["user_id"]!;
      unlessOwn(request, { userId }, "identity:create_application_credential");
      const given = request.body.application_credential;
      // Ignoring them would make a credential that may do more than its maker wanted.
      if ((given.access_rules ?? []).length > 0) throw errors.unsupported("An access rule");
      const wanted = await newCredential(request, deps, given);
      const secret =
        given.secret ?? Buffer.from(deps.platform.random.bytes(secretBytes)).toString("base64url");
      const hash = await deps.passwords.hash(secret);
      const row = await deps.change((tx) => createCredential(tx, { ...wanted, name: given.name }, hash));
      const view = credentialView(request, row, await listRoles(deps.store.read));
      return { application_credential: { ...view, secret } };
    },
  }),
  route({
    method: "GET",
    path: `${collectionPath}/:credential_id`,
    policy: "identity:authenticated",
    success: 200,
    summary: "Shows an application credential, without its secret.",
    async handle(request, { store }) {
      const userId = request.params["user_id"]!;
      unlessOwn(request, { userId }, "identity:get_application_credential");
      const row = await getCredential(store.read, userId, request.params["credential_id"]!);
      return { application_credential: credentialView(request, row, await listRoles(store.read)) };
    },
  }),
  route({
    method: "DELETE",
    path: `${collectionPath}/:credential_id`,
    policy: "identity:authenticated",
    success: 204,
    summary: "Deletes an application credential and ends its tokens.",
    async handle(request, deps) {
      const userId = request.params["user_id"]!;
      unlessOwn(request, { userId }, "identity:delete_application_credential");
      await refuseRestricted(request, deps, "identity:delete_application_credential");
      await deps.change((tx) => deleteCredential(tx, userId, request.params["credential_id"]!));
    },
  }),
];

type Request = ApiRequest<unknown, unknown>;
type RoleRef = { readonly id?: string; readonly name?: string };

async function newCredential(
  request: Request,
  deps: IdentityDeps,
  given: {
    readonly description?: string | null;
    readonly expires_at?: string | null;
    readonly unrestricted?: boolean | null;
    readonly roles?: readonly RoleRef[];
  },
) {
  const { projectId, userId, roles: held } = request.context;
  if (projectId === null || userId === null) throw errors.forbidden("identity:create_application_credential");
  await refuseRestricted(request, deps, "identity:create_application_credential");
  const roles = await grantable(deps.store.read, held, given.roles);
  return {
    user_id: userId,
    project_id: projectId,
    description: given.description ?? null,
    expires_at: given.expires_at === undefined || given.expires_at === null ? null : timeOf(given.expires_at),
    unrestricted: given.unrestricted ?? false,
    roleIds: roles.map((role) => role.id),
  };
}

/** A program that got hold of a restricted credential must not make itself further ones. */
async function refuseRestricted(request: Request, deps: IdentityDeps, rule: string): Promise<void> {
  const claims = await deps.tokens.read(request.context.token ?? "");
  const id = claims?.applicationCredentialId ?? null;
  if (claims === null || id === null) return;
  const credential = await getCredential(deps.store.read, claims.userId, id);
  if (credential.unrestricted === 0) throw errors.forbidden(rule);
}

/** The roles asked for, all of which the caller has; all of the caller's when none is asked for. */
async function grantable(tx: Tx, held: readonly string[], asked?: readonly RoleRef[]): Promise<Role[]> {
  const own = (await listRoles(tx, { domain_id: null })).filter((role) => held.includes(role.name));
  if (asked === undefined || asked.length === 0) return own;
  return asked.map((ref) => {
    const role = own.find(
      ({ id, name: roleName }) => id === ref.id || (ref.id === undefined && roleName === ref.name),
    );
    if (role !== undefined) return role;
    throw errors.invalid(
      `Could not find role assignment of the caller for role ${ref.id ?? ref.name ?? ""}.`,
    );
  });
}

function timeOf(text: string): number {
  // Keystone's times are UTC, with or without the mark that says so.
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(at))
    throw errors.invalid(`Invalid input for field 'expires_at': '${text}' is not a time.`);
  return at;
}
