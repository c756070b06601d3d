// A server's history: its sagas are the actions, their steps the events.
import { eitherVersion, nextUrl, routesOf, since, Type, until } from "@micronova/http";
import { sagasOf } from "@micronova/saga";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { getServerOrDeleted, serverSubject } from "../servers.ts";
import { timeOf } from "./list-query.ts";
import { emptyQuery } from "./schemas/servers.ts";
import { actionDetailView, actionView } from "./views/instance-actions.ts";

const route = routesOf<ComputeDeps>();
const collection = "/servers/:server_id/os-instance-actions";

const one = Type.Optional(Type.String());
const closed = { additionalProperties: false } as const;
const pageQuery = {
  limit: Type.Optional(Type.String({ pattern: "^[0-9]+$" })),
  marker: one,
  "changes-since": one,
};
const listQuery = eitherVersion(
  [until("2.57"), Type.Object({}, { additionalProperties: true })],
  [
    since("2.58"),
    eitherVersion(
      [until("2.65"), Type.Object(pageQuery, closed)],
      [since("2.66"), Type.Object({ ...pageQuery, "changes-before": one }, closed)],
    ),
  ],
);

const listActions = route({
  method: "GET",
  path: collection,
  policy: "os_compute_api:os-instance-actions:list",
  query: listQuery,
  success: 200,
  summary: "Lists what was done to a server, the newest first.",
  async handle(request, { store, config }) {
    const id = request.params["server_id"]!;
    const server = await getServerOrDeleted(store.read, request.context, id, request.does(since("2.21")));
    // Checked by the schema of the version; before 2.58 there are none.
    const query = request.query as Readonly<Record<string, string | undefined>>;
    const from = timeOf("changes-since", query["changes-since"]) ?? 0;
    const to = timeOf("changes-before", query["changes-before"]) ?? Number.MAX_SAFE_INTEGER;
    const all = (await sagasOf(store.read, serverSubject(id))).filter(
      ({ updatedAt }) => updatedAt >= from && updatedAt <= to,
    );
    const { marker } = query;
    const start = marker === undefined ? 0 : all.findIndex((saga) => saga.request.requestId === marker) + 1;
    if (marker !== undefined && start === 0) throw errors.markerNotFound(marker);
    const limit = Math.min(config.max_limit, Number(query["limit"] ?? config.max_limit));
    const page = all.slice(start, start + limit);
    const last = page.at(-1);
    const isFull = last !== undefined && page.length === limit;
    return {
      instanceActions: page.map((saga) => request.render(actionView, { saga, server })),
      ...(isFull && request.does(since("2.58"))
        ? { links: [{ rel: "next", href: nextUrl(request, last.request.requestId) }] }
        : {}),
    };
  },
});

const showAction = route({
  method: "GET",
  path: `${collection}/:request_id`,
  policy: "os_compute_api:os-instance-actions:show",
  query: emptyQuery,
  success: 200,
  summary: "Shows one thing done to a server, with its steps.",
  async handle(request, { store }) {
    const { server_id = "", request_id = "" } = request.params;
    const server = await getServerOrDeleted(
      store.read,
      request.context,
      server_id,
      request.does(since("2.21")),
    );
    const all = await sagasOf(store.read, serverSubject(server_id));
    const saga = all.find(({ request: asked }) => asked.requestId === request_id);
    if (saga === undefined) throw errors.actionNotFound(server_id, request_id);
    return { instanceAction: request.render(actionDetailView, { saga, server }) };
  },
});

export const instanceActionRoutes = [listActions, showAction];
