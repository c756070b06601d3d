// The query of a list of volumes, as a filter.
import type { RequestContext } from "@micronova/kit";
import { errors } from "../errors.ts";
import type { VolumeFilter } from "../volume-list.ts";
import { isTrue, listVolumesQuery } from "./schemas.ts";

export type ListQuery = Readonly<Record<string, string | undefined>>;

/** What `resource_filters` tells of volumes. */
export const volumeFilterNames = [
  "name",
  "status",
  "metadata",
  "bootable",
  "migration_status",
  "availability_zone",
  "group_id",
  "size",
  "created_at",
  "updated_at",
  "consumes_quota",
];

export function filterOf(query: ListQuery, context: RequestContext): VolumeFilter {
  const everyone = query["all_tenants"] !== undefined && isTrue(query["all_tenants"]) && context.isAdmin;
  const projectId = everyone ? (query["project_id"] ?? null) : (context.projectId ?? "");
  const filter = {
    userId: query["user_id"],
    name: query["name"] ?? query["display_name"],
    nameLike: query["name~"],
    status: query["status"]?.toLowerCase(),
    bootable: query["bootable"] === undefined ? undefined : isTrue(query["bootable"]),
    availabilityZone: query["availability_zone"],
    size: query["size"] === undefined ? undefined : Number(query["size"]),
    id: query["id"],
    metadata: query["metadata"] === undefined ? undefined : parsePairs(query["metadata"]),
    isImpossible: isImpossible(query),
  };
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  // The same entries without the undefined ones.
  return { projectId, ...(Object.fromEntries(given) as Omit<VolumeFilter, "projectId">) };
}

/** No volume here migrates, is in a group or is free of quota. */
function isImpossible(query: ListQuery): boolean {
  const { group_id, migration_status, consumes_quota } = query;
  const isMigrating = migration_status !== undefined && migration_status.toLowerCase() !== "none";
  return group_id !== undefined || isMigrating || (consumes_quota !== undefined && !isTrue(consumes_quota));
}

export function requireKnownFilters(query: ListQuery): void {
  const unknown = Object.keys(query).filter((key) => !Object.hasOwn(listVolumesQuery.properties, key));
  if (unknown.length > 0) throw errors.badFilter(unknown.join(", "));
}

/** Clients send a dictionary as Python or as JSON writes it: `{'k': 'v'}`. */
function parsePairs(text: string): Record<string, string> {
  const pairs = text.matchAll(/(['"])(.*?)\1\s*:\s*u?(['"])(.*?)\3/g);
  return Object.fromEntries([...pairs].map(([, , key = "", , value = ""]) => [key, value]));
}
