// Key pairs of the caller; administrators also reach those of others.
import { type ApiRequest, nextLinks, pageOf, reply, routesOf, until } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { createKeypair, deleteKeypair, getKeypair, listKeypairs } from "../keypairs.ts";
import { createKeypairBody, keypairQuery, keypairsQuery } from "./schemas/resources.ts";
import { keypairItemView, keypairMadeView, keypairView } from "./views/keypairs.ts";

const route = routesOf<ComputeDeps>();

export const keypairRoutes = [
  route({
    method: "GET",
    path: "/os-keypairs",
    policy: "os_compute_api:authenticated",
    query: keypairsQuery,
    success: 200,
    summary: "Lists key pairs.",
    async handle(request, { store, config }) {
      const userId = userOf(request, asked(request), "os_compute_api:os-keypairs:index");
      const isPaged = !request.does(until("2.34"));
      const page = pageOf(isPaged ? request : { query: {} }, { max: config.max_limit });
      const keypairs = await listKeypairs(store.read, userId, isPaged ? page : undefined);
      const ids = keypairs.map(({ name }) => name);
      return {
        keypairs: keypairs.map((keypair) => ({ keypair: request.render(keypairItemView, keypair) })),
        ...(isPaged ? nextLinks(request, { key: "keypairs_links", page, ids }) : {}),
      };
    },
  }),
  route({
    method: "POST",
    path: "/os-keypairs",
    policy: "os_compute_api:authenticated",
    body: createKeypairBody,
    success: 201,
    summary: "Stores a public key, or makes a pair and answers its private half once.",
    async handle(request, { store, platform }) {
      const { name, public_key, type = "ssh", user_id } = request.body.keypair;
      const userId = userOf(request, user_id ?? null, "os_compute_api:os-keypairs:create");
      const wanted = { userId, name, type, publicKey: public_key ?? null };
      const whose = { random: platform.random, projectId: request.context.projectId ?? "" };
      const { keypair, privateKey } = await store.transaction((tx) => createKeypair(tx, wanted, whose));
      return reply({
        ...(request.does(until("2.1")) ? { status: 200 } : {}),
        body: { keypair: request.render(keypairMadeView, { ...keypair, privateKey }) },
      });
    },
  }),
  route({
    method: "GET",
    path: "/os-keypairs/:name",
    policy: "os_compute_api:authenticated",
    query: keypairQuery,
    success: 200,
    summary: "Shows a key pair's public half.",
    async handle(request, { store }) {
      const userId = userOf(request, asked(request), "os_compute_api:os-keypairs:show");
      const keypair = await getKeypair(store.read, userId, request.params["name"]!);
      return { keypair: request.render(keypairView, keypair) };
    },
  }),
  route({
    method: "DELETE",
    path: "/os-keypairs/:name",
    policy: "os_compute_api:authenticated",
    query: keypairQuery,
    success: 204,
    summary: "Deletes a key pair. Servers that were given it keep it.",
    async handle(request, { store }) {
      const userId = userOf(request, asked(request), "os_compute_api:os-keypairs:delete");
      await store.transaction((tx) => deleteKeypair(tx, userId, request.params["name"]!));
      return reply({ ...(request.does(until("2.1")) ? { status: 202 } : {}), body: null });
    },
  }),
];

type Request = ApiRequest<unknown, unknown>;

/** The query's user, from 2.10 on. */
function asked(request: Request): string | null {
  if (request.does(until("2.9"))) return null;
  // The schema says: an object of lists of texts.
  return (request.query as { readonly user_id?: readonly string[] }).user_id?.at(-1) ?? null;
}

function userOf(request: Request, user: string | null, rule: string): string {
  const own = request.context.userId ?? "";
  if (user === null || user === own) return own;
  request.demand(rule);
  return user;
}
