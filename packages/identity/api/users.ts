// Users and their passwords.
import { type ApiRequest, routesOf } from "@micronova/http";
import Type from "typebox";
import type { IdentityDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { unlessOwn } from "../policies.ts";
import { defaultDomainId } from "../seed.ts";
import {
  createUser,
  deleteUser,
  findUser,
  getUser,
  listUsers,
  passwordHashOf,
  setPassword,
  updateUser,
} from "../users.ts";
import { collection, queryOf } from "./collections.ts";
import {
  description,
  enabled,
  enabledColumn,
  extraOf,
  id,
  idOrNull,
  keptOptions,
  name,
  userOptions,
} from "./schemas.ts";
import { userShownView, userView } from "./views.ts";

const route = routesOf<IdentityDeps>();

const passwordOrNull = Type.Union([Type.String({ maxLength: 4096 }), Type.Null()]);
const attributes = {
  default_project_id: Type.Optional(idOrNull),
  description: Type.Optional(description),
  enabled: Type.Optional(enabled),
  password: Type.Optional(passwordOrNull),
  options: Type.Optional(userOptions),
};
const known = ["id", "links", "name", "domain_id", "federated", ...Object.keys(attributes)];

const crudRoutes = [
  route({
    method: "GET",
    path: "/v3/users",
    policy: "identity:list_users",
    success: 200,
    summary: "Lists users.",
    async handle(request, { store }) {
      const { name: byName, domain_id } = queryOf(request);
      const users = await listUsers(store.read, {
        ...(byName === undefined ? {} : { name: byName }),
        ...(domain_id === undefined ? {} : { domain_id }),
      });
      const views = users.map((user) => userView(request, user));
      return collection(request, "users", views, ["name", "domain_id", "enabled"]);
    },
  }),
  route({
    method: "POST",
    path: "/v3/users",
    policy: "identity:create_user",
    body: Type.Object({ user: Type.Object({ name, domain_id: Type.Optional(id), ...attributes }) }),
    success: 201,
    summary: "Creates a user.",
    async handle(request, deps) {
      const given = request.body.user;
      const hash = await hashOf(deps, given.password);
      const domain_id = given.domain_id ?? request.context.domainId ?? defaultDomainId;
      const extra = JSON.stringify(extraOf(given, known));
      const user = await deps.change((tx) =>
        createUser(tx, { name: given.name, domain_id, ...columns(given, "{}"), extra }, hash),
      );
      return { user: userShownView(request, user) };
    },
  }),
  route({
    method: "GET",
    path: "/v3/users/:user_id",
    policy: "identity:authenticated",
    success: 200,
    summary: "Shows a user.",
    async handle(request, { store }) {
      const userId = request.params["user_id"]!;
      unlessOwn(request, { userId }, "identity:get_user");
      return { user: userShownView(request, await getUser(store.read, userId)) };
    },
  }),
  route({
    method: "PATCH",
    path: "/v3/users/:user_id",
    policy: "identity:update_user",
    body: Type.Object({
      user: Type.Object(
        { name: Type.Optional(name), domain_id: Type.Optional(id), ...attributes },
        { minProperties: 1 },
      ),
    }),
    success: 200,
    summary: "Changes a user. Disabling it, or a new password, ends its tokens.",
    async handle(request, deps) {
      const { name: newName, domain_id, ...given } = request.body.user;
      const hash = await hashOf(deps, given.password);
      const user = await deps.change(async (tx) => {
        const before = await getUser(tx, request.params["user_id"]!);
        if ((domain_id ?? before.domain_id) !== before.domain_id)
          throw errors.invalid("Cannot change Domain ID");
        const extra = JSON.stringify({ ...JSON.parse(before.extra), ...extraOf(given, known) });
        const renamed = newName === undefined ? {} : { name: newName };
        if (hash !== null) await setPassword(tx, before.id, hash);
        return updateUser(tx, before.id, { ...renamed, ...columns(given, before.options), extra });
      });
      return { user: userShownView(request, user) };
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/users/:user_id",
    policy: "identity:delete_user",
    success: 204,
    summary: "Deletes a user and ends its tokens.",
    async handle(request, deps) {
      await deps.change((tx) => deleteUser(tx, request.params["user_id"]!));
    },
  }),
];

const passwordRoute = route({
  method: "POST",
  path: "/v3/users/:user_id/password",
  // The old password is the proof: it also works for users whose password must be changed before they get a
  // token.
  policy: null,
  body: Type.Object({
    user: Type.Object({
      original_password: Type.String(),
      password: Type.String({ minLength: 1, maxLength: 4096 }),
    }),
  }),
  success: 204,
  summary: "Changes the caller's own password and ends all tokens made with the old one.",
  async handle(request, deps) {
    const { original_password, password } = request.body.user;
    const userId = await provenUser(request, deps, original_password);
    const hash = await deps.passwords.hash(password);
    await deps.change((tx) => setPassword(tx, userId, hash));
  },
});

export const userRoutes = [...crudRoutes, passwordRoute];

async function provenUser(
  request: ApiRequest<unknown, unknown>,
  deps: IdentityDeps,
  password: string,
): Promise<string> {
  const user = await findUser(deps.store.read, request.params["user_id"]!);
  const hash = user === null ? null : await passwordHashOf(deps.store.read, user.id);
  const isRight = await deps.passwords.verify(password, hash);
  if (user !== null && isRight && user.enabled === 1) return user.id;
  const reason = user === null ? "no such user" : isRight ? "user is disabled" : "wrong password";
  const fields = { reason, userId: request.params["user_id"], remoteAddress: request.remoteAddress };
  deps.platform.log.warn(fields, "password change refused");
  throw errors.unauthorized();
}

async function hashOf(deps: IdentityDeps, password: string | null | undefined): Promise<string | null> {
  return password === undefined || password === null ? null : deps.passwords.hash(password);
}

function columns(
  given: {
    readonly default_project_id?: string | null;
    readonly description?: string | null;
    readonly enabled?: boolean;
    readonly options?: object;
  },
  optionsBefore: string,
) {
  const { default_project_id, description: text } = given;
  return {
    ...(default_project_id === undefined ? {} : { default_project_id }),
    ...(text === undefined ? {} : { description: text }),
    ...enabledColumn(given),
    ...(given.options === undefined ? {} : { options: keptOptions(optionsBefore, given.options) }),
  };
}
