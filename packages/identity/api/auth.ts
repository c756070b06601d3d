// Tokens, and what a token's holder may reach.
import { type ApiRequest, reply, routesOf } from "@micronova/http";
import Type from "typebox";
import { scopeIdsOf } from "../assignments.ts";
import { logIn } from "../authentication.ts";
import { catalog } from "../catalog.ts";
import type { IdentityDeps } from "../deps.ts";
import { listDomains } from "../domains.ts";
import { errors } from "../errors.ts";
import { unlessOwn } from "../policies.ts";
import { listProjects } from "../projects.ts";
import { revoke, subjectOf } from "../revocations.ts";
import type { Claims } from "../token-format.ts";
import { collection, queryOf, selfUrl } from "./collections.ts";
import { catalogOrigin, tokenView } from "./token-view.ts";
import { domainView, projectView } from "./views.ts";

const route = routesOf<IdentityDeps>();

const domainRef = Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });
const userRef = {
  id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  domain: Type.Optional(domainRef),
};
const scope = Type.Object({
  project: Type.Optional(Type.Object({ ...userRef })),
  domain: Type.Optional(domainRef),
  system: Type.Optional(Type.Object({ all: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])) })),
});
const authBody = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Type.String()),
      password: Type.Optional(Type.Object({ user: Type.Object({ ...userRef, password: Type.String() }) })),
      token: Type.Optional(Type.Object({ id: Type.String() })),
      application_credential: Type.Optional(
        Type.Object({
          id: Type.Optional(Type.String()),
          name: Type.Optional(Type.String()),
          user: Type.Optional(Type.Object(userRef)),
          secret: Type.String(),
        }),
      ),
    }),
    scope: Type.Optional(Type.Union([Type.String(), scope])),
  }),
});

// Answers about tokens differ by the one shown, which caches must know.
const vary = { Vary: "X-Auth-Token" };

const tokenRoutes = [
  route({
    method: "POST",
    path: "/v3/auth/tokens",
    policy: null,
    body: authBody,
    success: 201,
    summary: "Logs in: proves who the caller is and makes a token for a scope.",
    async handle(request, deps) {
      const { id, claims } = await logIn(deps, request.body.auth, request.remoteAddress);
      const body = await tokenView(deps, claims, catalogFor(request, deps));
      return reply({ headers: { ...vary, "X-Subject-Token": id }, body });
    },
  }),
  route({
    method: "GET",
    path: "/v3/auth/tokens",
    policy: "identity:authenticated",
    success: 200,
    summary: "Checks a token and shows what it says.",
    async handle(request, deps) {
      const { id, claims } = await subjectToken(request, deps);
      unlessOwn(request, { userId: claims.userId }, "identity:validate_token");
      const body = await tokenView(deps, claims, catalogFor(request, deps));
      return reply({ headers: { ...vary, "X-Subject-Token": id }, body });
    },
  }),
  route({
    method: "DELETE",
    path: "/v3/auth/tokens",
    policy: "identity:authenticated",
    success: 204,
    summary: "Ends a token.",
    async handle(request, deps) {
      const { claims } = await subjectToken(request, deps);
      unlessOwn(request, { userId: claims.userId }, "identity:revoke_token");
      await deps.change((tx) => revoke(tx, claims.auditIds.slice(0, 1).map(subjectOf.token)));
    },
  }),
];

const reachRoutes = [
  route({
    method: "GET",
    path: "/v3/auth/catalog",
    policy: "identity:authenticated",
    success: 200,
    summary: "Lists the services and where they answer.",
    async handle(request, deps) {
      const { projectId, domainId, isSystem } = request.context;
      const isScoped = projectId !== null || domainId !== null || isSystem;
      if (!isScoped) throw errors.forbidden("identity:get_auth_catalog");
      const entries = await catalog(deps.store.read, { origin: catalogOrigin(request, deps), projectId });
      return { catalog: entries, links: { self: selfUrl(request), previous: null, next: null } };
    },
  }),
  route({
    method: "GET",
    path: "/v3/auth/projects",
    policy: "identity:authenticated",
    success: 200,
    summary: "Lists the projects the caller can get a token for.",
    async handle(request, { store }) {
      const ids = await scopeIdsOf(store.read, request.context.userId ?? "", "project");
      const projects = await listProjects(store.read, { ids });
      const usable = projects.filter((project) => project.enabled === 1);
      return collection(
        request,
        "projects",
        usable.map((project) => projectView(request, project)),
      );
    },
  }),
  route({
    method: "GET",
    path: "/v3/auth/domains",
    policy: "identity:authenticated",
    success: 200,
    summary: "Lists the domains the caller can get a token for.",
    async handle(request, { store }) {
      const ids = await scopeIdsOf(store.read, request.context.userId ?? "", "domain");
      const domains = await listDomains(store.read);
      const usable = domains.filter((domain) => domain.enabled === 1 && ids.includes(domain.id));
      return collection(
        request,
        "domains",
        usable.map((domain) => domainView(request, domain)),
      );
    },
  }),
  route({
    method: "GET",
    path: "/v3/auth/system",
    policy: "identity:authenticated",
    success: 200,
    summary: "Says whether the caller can get a token for the system.",
    async handle(request, { store }) {
      const ids = await scopeIdsOf(store.read, request.context.userId ?? "", "system");
      return { system: ids.map((id) => ({ [id]: true })), links: { self: selfUrl(request) } };
    },
  }),
];

export const authRoutes = [...tokenRoutes, ...reachRoutes];

type Request = ApiRequest<unknown, unknown>;

function catalogFor(request: Request, deps: IdentityDeps): string | null {
  return "nocatalog" in queryOf(request) ? null : catalogOrigin(request, deps);
}

async function subjectToken(request: Request, deps: IdentityDeps): Promise<{ id: string; claims: Claims }> {
  const id = request.headers["x-subject-token"] ?? "";
  const claims = await deps.tokens.read(id);
  if (claims === null) throw errors.tokenNotFound();
  return { id, claims };
}
