// How moves of servers look: in the list of all, and among those of one server that are under way.
import { createHash } from "node:crypto";
import { always, sinceField, type View, type ViewContext } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { isUnderWay } from "../../migration-states.ts";
import { destOf, sourceOf } from "../../server-migrations.ts";
import { flavorOf } from "../../server-show.ts";
import type { Migration } from "../../tables-migrations.ts";
import { linksTo } from "./links.ts";

export const migrationParts: View<Migration> = {
  id: always(({ number }) => number),
  source_compute: always(({ source_compute }) => source_compute),
  source_node: always((migration) => sourceOf(migration).node),
  dest_compute: always(({ dest_compute }) => dest_compute),
  dest_node: always((migration) => (migration.dest === null ? null : destOf(migration).node)),
  dest_host: always(({ dest_host }) => dest_host),
  status: always(({ status }) => status),
  created_at: always(({ created_at }) => isoMicros(created_at)),
  updated_at: always(({ updated_at }) => isoMicros(updated_at)),
  uuid: sinceField("2.59", ({ id }) => id),
  user_id: sinceField("2.80", ({ user_id }) => user_id),
  project_id: sinceField("2.80", ({ project_id }) => project_id),
};

export const migrationView: View<Migration> = {
  ...migrationParts,
  instance_uuid: always(({ server_id }) => server_id),
  old_instance_type_id: always(({ old_flavor }) => flavorNumber(flavorOf(old_flavor).flavorid)),
  new_instance_type_id: always(({ new_flavor }) => flavorNumber(flavorOf(new_flavor).flavorid)),
  migration_type: sinceField("2.23", ({ migration_type }) => migration_type),
  links: sinceField("2.23", linksOf),
};

/** Only moves of running servers have an address of their own, and only while they are under way. */
function linksOf(migration: Migration, { baseUrl }: ViewContext) {
  if (!isUnderWay(migration)) return undefined;
  return linksTo(baseUrl, `servers/${migration.server_id}/migrations`, String(migration.number));
}

/** Nova shows a number of its own of each flavor; ours have the id they were given, made a number here. */
function flavorNumber(flavorId: string): number {
  if (/^\d{1,9}$/.test(flavorId)) return Number(flavorId);
  return createHash("sha256").update(flavorId).digest().readUInt32BE() >>> 1;
}
