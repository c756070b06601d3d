// A server's addresses by network, and the password its guest left for its user.
import { routesOf } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { passwordOf, setPassword } from "../metadata/password.ts";
import { getServer } from "../servers.ts";
import { emptyQuery } from "./schemas/servers.ts";
import { gatherOne } from "./servers.ts";
import { shortAddresses } from "./views/servers.ts";

const route = routesOf<ComputeDeps>();

const listAddresses = route({
  method: "GET",
  path: "/servers/:server_id/ips",
  policy: "os_compute_api:ips:index",
  query: emptyQuery,
  success: 200,
  summary: "Lists a server's addresses by network.",
  async handle(request, deps) {
    const server = await getServer(deps.store.read, request.context, request.params["server_id"]!);
    return { addresses: shortAddresses(await gatherOne(deps, server)) };
  },
});

const showAddresses = route({
  method: "GET",
  path: "/servers/:server_id/ips/:label",
  policy: "os_compute_api:ips:show",
  query: emptyQuery,
  success: 200,
  summary: "Lists a server's addresses on one network.",
  async handle(request, deps) {
    const { server_id = "", label = "" } = request.params;
    const server = await getServer(deps.store.read, request.context, server_id);
    const addresses = shortAddresses(await gatherOne(deps, server))[label];
    if (addresses === undefined) throw errors.addressLabelNotFound();
    return { [label]: addresses };
  },
});

const showPassword = route({
  method: "GET",
  path: "/servers/:server_id/os-server-password",
  policy: "os_compute_api:os-server-password:show",
  query: emptyQuery,
  success: 200,
  summary: "The password the guest encrypted for its user.",
  async handle(request, { store }) {
    return {
      password: passwordOf(await getServer(store.read, request.context, request.params["server_id"]!)),
    };
  },
});

const clearPassword = route({
  method: "DELETE",
  path: "/servers/:server_id/os-server-password",
  policy: "os_compute_api:os-server-password:clear",
  success: 204,
  summary: "Forgets the guest's password.",
  async handle(request, { store }) {
    await store.transaction(async (tx) =>
      setPassword(tx, await getServer(tx, request.context, request.params["server_id"]!), ""),
    );
  },
});

export const serverAddressRoutes = [listAddresses, showAddresses, showPassword, clearPassword];
