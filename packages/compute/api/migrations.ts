// Moves of servers: the record of all, for administrators, and those of running servers that are under way.
import {
  type ApiRequest,
  eitherVersion,
  nextLinks,
  pageOf,
  routesOf,
  since,
  Type,
  until,
} from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { listMigrations, type MigrationFilter, serverMigrations } from "../server-migrations.ts";
import { getServer } from "../servers.ts";
import { timeOf } from "./list-query.ts";
import { emptyQuery } from "./schemas/servers.ts";
import { migrationView } from "./views/migrations.ts";
import { serverMigrationView } from "./views/server-migrations.ts";

const route = routesOf<ComputeDeps>();
const closed = { additionalProperties: false } as const;

const many = Type.Optional(Type.Array(Type.String()));
const one = Type.Optional(Type.Array(Type.String(), { maxItems: 1 }));
const limit = Type.Optional(Type.Array(Type.String({ minLength: 1, pattern: "^[0-9]*$" }), { maxItems: 1 }));
const filters = {
  hidden: many,
  host: many,
  instance_uuid: many,
  source_compute: many,
  status: many,
  migration_type: many,
};
const paged = { ...filters, limit, marker: one, "changes-since": one };
const dated = { ...paged, "changes-before": one };
const query = eitherVersion(
  [until("2.58"), Type.Object(filters, { additionalProperties: true })],
  [
    since("2.59"),
    eitherVersion(
      [until("2.65"), Type.Object(paged, closed)],
      [
        since("2.66"),
        eitherVersion(
          [until("2.79"), Type.Object(dated, closed)],
          [since("2.80"), Type.Object({ ...dated, user_id: one, project_id: one }, closed)],
        ),
      ],
    ),
  ],
);

const listAll = route({
  method: "GET",
  path: "/os-migrations",
  policy: "os_compute_api:os-migrations:index",
  query,
  success: 200,
  summary: "Lists moves of servers, the newest first.",
  async handle(request, { store, config }) {
    const all = await listMigrations(store.read, filterOf(request));
    if (!request.does(since("2.59")))
      return { migrations: all.map((migration) => request.render(migrationView, migration)) };
    const page = pageOf(request, { max: config.max_limit });
    const from = page.marker === null ? 0 : all.findIndex(({ id }) => id === page.marker) + 1;
    if (page.marker !== null && from === 0) throw errors.markerNotFound(page.marker);
    const shown = all.slice(from, from + page.limit);
    const links = nextLinks(request, {
      key: "migrations_links",
      page,
      ids: shown.map(({ id }) => id),
    });
    return { migrations: shown.map((migration) => request.render(migrationView, migration)), ...links };
  },
});

function filterOf(request: ApiRequest<unknown, unknown>): MigrationFilter {
  // The schema says: an object of lists of texts.
  const given = request.query as Readonly<Record<string, readonly string[] | undefined>>;
  const last = (key: string) => given[key]?.at(-1) ?? null;
  return {
    host: last("host"),
    server_id: last("instance_uuid"),
    source_compute: last("source_compute"),
    status: last("status"),
    migration_type: last("migration_type"),
    user_id: request.does(since("2.80")) ? last("user_id") : null,
    project_id: request.does(since("2.80")) ? last("project_id") : null,
    changedSince: timeOf("changes-since", last("changes-since") ?? undefined) ?? 0,
    changedBefore: timeOf("changes-before", last("changes-before") ?? undefined) ?? Number.MAX_SAFE_INTEGER,
  };
}

const listOfServer = route({
  method: "GET",
  path: "/servers/:server_id/migrations",
  ...since("2.23"),
  policy: "os_compute_api:servers:migrations:index",
  query: emptyQuery,
  success: 200,
  summary: "Lists the moves of a running server that are under way.",
  async handle(request, { store }) {
    const { id } = await getServer(store.read, request.context, request.params["server_id"]!);
    const all = await serverMigrations(store.read, id);
    return { migrations: all.map((migration) => request.render(serverMigrationView, migration)) };
  },
});

const showOfServer = route({
  method: "GET",
  path: "/servers/:server_id/migrations/:migration_id",
  ...since("2.23"),
  policy: "os_compute_api:servers:migrations:show",
  query: emptyQuery,
  success: 200,
  summary: "Shows a move of a running server, and how far it is.",
  async handle(request, { store }) {
    const { server_id = "", migration_id = "" } = request.params;
    const { id } = await getServer(store.read, request.context, server_id);
    const all = await serverMigrations(store.read, id);
    const found = all.find(({ number }) => String(number) === migration_id);
    if (found === undefined) throw errors.migrationNotFound(migration_id, id);
    return { migration: request.render(serverMigrationView, found) };
  },
});

export const migrationRoutes = [listAll, listOfServer, showOfServer];
