// /v2.0/floatingips: none, and a plain refusal to make one. Servers are reached at their fixed addresses.
import { routesOf, Type } from "@micronova/http";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";

const route = routesOf<NetworkDeps>();
const collection = "/v2.0/floatingips";
const one = `${collection}/:floatingip_id`;

const list = route({
  method: "GET",
  path: collection,
  policy: "get_floatingip",
  success: 200,
  summary: "Lists floating addresses, of which there are none.",
  handle: async () => ({ floatingips: [] }),
});

const create = route({
  method: "POST",
  path: collection,
  policy: "create_floatingip",
  body: Type.Object({ floatingip: Type.Object({}) }),
  success: 201,
  summary: "Refused: floating addresses are not supported.",
  async handle() {
    throw errors.noFloatingIps();
  },
});

const single = (["GET", "PUT", "DELETE"] as const).map((method) =>
  route({
    method,
    path: one,
    policy: method === "GET" ? "get_floatingip" : "create_floatingip",
    success: method === "DELETE" ? 204 : 200,
    summary: "Not found: there are no floating addresses.",
    async handle({ params }) {
      throw errors.floatingIpNotFound(params["floatingip_id"]!);
    },
  }),
);

export const floatingIpRoutes = [list, create, ...single];
