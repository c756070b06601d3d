// Services, endpoints and regions, and the catalog made of them. The cloud's own endpoints are stored without
// an address: it is the one the client used, so that the same cloud works behind any name, proxy or tunnel.
import { hexId } from "@micronova/kit";
import { newId, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import type { CatalogEndpointTable, CatalogServiceTable, RegionTable } from "./tables.ts";

export type CatalogService = CatalogServiceTable;
export type CatalogEndpoint = CatalogEndpointTable;
export type Region = RegionTable;

export interface CatalogEntry {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly endpoints: readonly {
    readonly id: string;
    readonly interface: string;
    readonly region: string | null;
    readonly region_id: string | null;
    readonly url: string;
  }[];
}

/** The address the client used stands for this in an endpoint's URL. */
export const originMark = "$(origin)s";

/**
 * Everything enabled, with addresses for this client and project; endpoints that need a project are left out
 * without one.
 */
export async function catalog(
  tx: Tx,
  where: { readonly origin: string; readonly projectId: string | null },
): Promise<CatalogEntry[]> {
  const services = await listServices(tx);
  const endpoints = await listEndpoints(tx);
  return services
    .filter((service) => service.enabled === 1)
    .map(({ id, type, name }) => ({
      id,
      type,
      name,
      endpoints: endpoints
        .filter((endpoint) => endpoint.service_id === id && endpoint.enabled === 1)
        .flatMap((endpoint) => {
          const url = endpointUrl(endpoint.url, where);
          const { region_id } = endpoint;
          return url === null
            ? []
            : [{ id: endpoint.id, interface: endpoint.interface, region: region_id, region_id, url }];
        }),
    }));
}

/** The template with the client's address in it, as lists of endpoints show it. */
export function withOrigin(url: string, origin: string): string {
  return url.replaceAll(originMark, origin);
}

function endpointUrl(
  template: string,
  where: { readonly origin: string; readonly projectId: string | null },
): string | null {
  const url = withOrigin(template, where.origin);
  const needsProject = /[$%]\((project|tenant)_id\)s/;
  if (where.projectId === null) return needsProject.test(url) ? null : url;
  return url.replaceAll(new RegExp(needsProject, "g"), where.projectId);
}

export async function listServices(tx: Tx): Promise<CatalogService[]> {
  return tx.selectFrom("catalog_services").selectAll().orderBy("type").execute();
}

export async function getService(tx: Tx, id: string): Promise<CatalogService> {
  const row = await tx.selectFrom("catalog_services").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw errors.notFound("service", id);
  return row;
}

export async function createService(
  tx: Tx,
  service: { readonly type: string } & Partial<Omit<CatalogService, "id">>,
): Promise<CatalogService> {
  return tx
    .insertInto("catalog_services")
    .values({ name: "", description: "", enabled: 1, ...service, id: hexId(newId(tx)) })
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function updateService(
  tx: Tx,
  id: string,
  change: Partial<Omit<CatalogService, "id">>,
): Promise<CatalogService> {
  await getService(tx, id);
  return tx
    .updateTable("catalog_services")
    .set({ ...change, id })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteService(tx: Tx, id: string): Promise<void> {
  await getService(tx, id);
  await tx.deleteFrom("catalog_endpoints").where("service_id", "=", id).execute();
  await tx.deleteFrom("catalog_services").where("id", "=", id).execute();
}

export async function listEndpoints(tx: Tx): Promise<CatalogEndpoint[]> {
  return tx.selectFrom("catalog_endpoints").selectAll().orderBy("service_id").orderBy("interface").execute();
}

export async function getEndpoint(tx: Tx, id: string): Promise<CatalogEndpoint> {
  const row = await tx.selectFrom("catalog_endpoints").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw errors.notFound("endpoint", id);
  return row;
}

export async function createEndpoint(
  tx: Tx,
  endpoint: Pick<CatalogEndpoint, "service_id" | "interface" | "url"> & Partial<CatalogEndpoint>,
): Promise<CatalogEndpoint> {
  await getService(tx, endpoint.service_id);
  if (endpoint.region_id !== undefined && endpoint.region_id !== null)
    await ensureRegion(tx, endpoint.region_id);
  return tx
    .insertInto("catalog_endpoints")
    .values({ region_id: null, enabled: 1, ...endpoint, id: hexId(newId(tx)) })
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function updateEndpoint(
  tx: Tx,
  id: string,
  change: Partial<Omit<CatalogEndpoint, "id">>,
): Promise<CatalogEndpoint> {
  await getEndpoint(tx, id);
  if (change.service_id !== undefined) await getService(tx, change.service_id);
  if (change.region_id !== undefined && change.region_id !== null) await ensureRegion(tx, change.region_id);
  return tx
    .updateTable("catalog_endpoints")
    .set({ ...change, id })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteEndpoint(tx: Tx, id: string): Promise<void> {
  await getEndpoint(tx, id);
  await tx.deleteFrom("catalog_endpoints").where("id", "=", id).execute();
}

export async function listRegions(tx: Tx): Promise<Region[]> {
  return tx.selectFrom("regions").selectAll().orderBy("id").execute();
}

export async function getRegion(tx: Tx, id: string): Promise<Region> {
  const row = await tx.selectFrom("regions").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw errors.notFound("region", id);
  return row;
}

export async function createRegion(tx: Tx, region: Partial<Region>): Promise<Region> {
  const parent = region.parent_region_id ?? null;
  if (parent !== null) await getRegion(tx, parent);
  const id = region.id === undefined || region.id === "" ? hexId(newId(tx)) : region.id;
  const row = await tx
    .insertInto("regions")
    .values({ id, description: region.description ?? "", parent_region_id: parent })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw errors.duplicate("region", `Duplicate ID, ${id}`);
  return row;
}

export async function updateRegion(tx: Tx, id: string, change: Partial<Omit<Region, "id">>): Promise<Region> {
  await getRegion(tx, id);
  const parent = change.parent_region_id ?? null;
  if (parent !== null) await getRegion(tx, parent);
  return tx
    .updateTable("regions")
    .set({ ...change, id })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteRegion(tx: Tx, id: string): Promise<void> {
  await getRegion(tx, id);
  const used = (await listEndpoints(tx)).some((endpoint) => endpoint.region_id === id);
  if (used) throw errors.duplicate("region", `Region ${id} has endpoints; remove them first`);
  await tx.deleteFrom("regions").where("id", "=", id).execute();
}

/** Keystone makes a region that an endpoint names by the old attribute; we do so for both. */
async function ensureRegion(tx: Tx, id: string): Promise<void> {
  await tx
    .insertInto("regions")
    .values({ id, description: "", parent_region_id: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
