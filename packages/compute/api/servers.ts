// Servers: boot, list, show, change, delete.
import { type ApiRequest, nextUrl, reply, routesOf, until } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { createServers, makePassword } from "../server-create.ts";
import { fits } from "../server-filters.ts";
import { listServers } from "../server-list.ts";
import { type GatheredServer, gatherServers } from "../server-show.ts";
import { getServer, removeServer, updateServer } from "../servers.ts";
import type { Server } from "../tables.ts";
import { createCommand } from "./create-command.ts";
import { listQuery } from "./list-query.ts";
import { readBool } from "./schemas/parts.ts";
import { createServerBody, emptyQuery, listServersQuery, updateServerBody } from "./schemas/servers.ts";
import { linksTo } from "./views/links.ts";
import { serverBriefView, serverDetailView, serverUpdateView, serverView } from "./views/servers.ts";

const route = routesOf<ComputeDeps>();

const createServer = route({
  method: "POST",
  path: "/servers",
  policy: "os_compute_api:servers:create",
  body: createServerBody,
  success: 202,
  summary: "Boots a server, or several of a kind.",
  async handle(request, deps) {
    const { server: body } = request.body;
    const command = createCommand(request.body);
    const description = request.does(until("2.18")) ? command.name : command.description;
    const servers = await createServers(deps, request.context, { ...command, description });
    const [first] = servers;
    if (first === undefined) return { servers: [] };
    if (readBool(body.return_reservation_id) === true) return { reservation_id: first.reservation_id };
    const groups = body.security_groups ?? [{ name: "default" }];
    return reply({
      headers: { location: `${request.baseUrl}/servers/${first.id}` },
      body: { server: created(request.baseUrl, deps, first, { groups, password: body.adminPass }) },
    });
  },
});

interface Said {
  readonly groups: readonly { readonly name?: string }[];
  readonly password: string | undefined;
}

function created(baseUrl: string, { store, config }: ComputeDeps, server: Server, said: Said): object {
  const adminPass = said.password ?? makePassword(store.read);
  return {
    id: server.id,
    links: linksTo(baseUrl, "servers", server.id),
    "OS-DCF:diskConfig": server.auto_disk_config === 1 ? "AUTO" : "MANUAL",
    security_groups: said.groups,
    ...(config.enable_instance_password ? { adminPass } : {}),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the two lists differ in nothing but their view.
type ListRequest = ApiRequest<any, any>;

async function list(
  request: ListRequest,
  deps: ComputeDeps,
  show: (servers: readonly Server[]) => Promise<object[]>,
) {
  const { filters, page, isEmpty, addressPatterns } = listQuery(request, deps.config.max_limit);
  if (isEmpty) return { servers: [] };
  const found = await listServers(deps.store.read, filters, page);
  const servers = addressPatterns === null ? found : await byAddress(deps, found, addressPatterns);
  const last = found.at(-1);
  const isFull = last !== undefined && found.length === page.limit;
  return {
    servers: await show(servers),
    ...(isFull ? { servers_links: [{ rel: "next", href: nextUrl(request, last.id) }] } : {}),
  };
}

async function byAddress(
  { store, config }: ComputeDeps,
  servers: readonly Server[],
  patterns: readonly string[],
): Promise<Server[]> {
  const gathered = await gatherServers(store.read, servers, { config, withHosts: false });
  return gathered
    .filter(({ addresses }) => addresses.some(({ address }) => fits(patterns, address)))
    .map(({ server }) => server);
}

const listBrief = route({
  method: "GET",
  path: "/servers",
  policy: "os_compute_api:servers:index",
  query: listServersQuery,
  success: 200,
  summary: "Lists servers by name.",
  handle: (request, deps) =>
    list(request, deps, async (servers) => servers.map((server) => request.render(serverBriefView, server))),
});

const listDetail = route({
  method: "GET",
  path: "/servers/detail",
  policy: "os_compute_api:servers:detail",
  query: listServersQuery,
  success: 200,
  summary: "Lists servers with everything known of them.",
  handle: (request, deps) =>
    list(request, deps, async (servers) => {
      const { isAdmin } = request.context;
      const options = { config: deps.config, withHosts: isAdmin };
      const gathered = await gatherServers(deps.store.read, servers, options);
      return gathered.map((one) => request.render(serverDetailView, one));
    }),
});

export async function gatherOne({ store, config }: ComputeDeps, server: Server): Promise<GatheredServer> {
  const [gathered] = await gatherServers(store.read, [server], { config, withHosts: true });
  // One server in, one out.
  return gathered!;
}

const showServer = route({
  method: "GET",
  path: "/servers/:server_id",
  policy: "os_compute_api:servers:show",
  query: emptyQuery,
  success: 200,
  summary: "Shows a server.",
  async handle(request, deps) {
    const server = await getServer(deps.store.read, request.context, request.params["server_id"]!);
    return { server: request.render(serverView, await gatherOne(deps, server)) };
  },
});

const changeServer = route({
  method: "PUT",
  path: "/servers/:server_id",
  policy: "os_compute_api:servers:update",
  body: updateServerBody,
  success: 200,
  summary: "Changes what is written down of a server: its name, description, hostname, addresses.",
  async handle(request, deps) {
    const { server: body } = request.body;
    const id = request.params["server_id"]!;
    const disk = body["OS-DCF:diskConfig"];
    const server = await deps.store.transaction((tx) =>
      updateServer(tx, request.context, id, {
        ...(body.name === undefined ? {} : { name: body.name.trim() }),
        ...(body.description === undefined ? {} : { description: body.description }),
        ...(body.hostname === undefined ? {} : { hostname: body.hostname }),
        ...(body.accessIPv4 === undefined ? {} : { access_ip_v4: body.accessIPv4 || null }),
        ...(body.accessIPv6 === undefined ? {} : { access_ip_v6: body.accessIPv6 || null }),
        ...(disk === undefined ? {} : { auto_disk_config: disk === "AUTO" ? 1 : 0 }),
      }),
    );
    return { server: request.render(serverUpdateView, await gatherOne(deps, server)) };
  },
});

const deleteServer = route({
  method: "DELETE",
  path: "/servers/:server_id",
  policy: "os_compute_api:servers:delete",
  success: 204,
  summary: "Deletes a server, whatever it is doing.",
  async handle(request, deps) {
    await deps.store.transaction((tx) =>
      removeServer(deps, tx, request.context, request.params["server_id"]!),
    );
  },
});

export const serverRoutes = [listDetail, listBrief, createServer, showServer, changeServer, deleteServer];
