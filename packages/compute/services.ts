// Compute's services as operators handle them: disabled ones get no new servers, and one that is known dead
// can be said so before its silence tells.
import type { Uuid } from "@micronova/kit";
import { removeProvider } from "@micronova/placement";
import { now, type Tx } from "@micronova/store";
import { type PlacedService, placedServices } from "./availability-zones.ts";
import type { ComputeConfig } from "./config.ts";
import { resourceErrors as errors } from "./errors-resources.ts";
import { holdingStatuses } from "./migration-states.ts";
import { numberOf } from "./numeric-ids.ts";

export interface ServiceFilter {
  readonly host?: string;
  readonly binary?: string;
}

export async function listServices(
  tx: Tx,
  config: ComputeConfig,
  filter: ServiceFilter = {},
): Promise<PlacedService[]> {
  const all = await placedServices(tx, config);
  return all.filter(
    ({ service }) =>
      (filter.host ?? service.host) === service.host && (filter.binary ?? service.binary) === service.binary,
  );
}

export interface ServiceChange {
  readonly isDisabled?: boolean;
  /** Kept while the service is disabled. */
  readonly disabledReason?: string | null;
  readonly isForcedDown?: boolean;
}

export async function updateService(tx: Tx, id: Uuid, change: ServiceChange): Promise<void> {
  const { isDisabled, disabledReason, isForcedDown } = change;
  const row = await tx
    .updateTable("compute_services")
    .set({
      ...(isDisabled === undefined
        ? {}
        : { is_disabled: isDisabled ? 1 : 0, disabled_reason: isDisabled ? (disabledReason ?? null) : null }),
      ...(isForcedDown === undefined ? {} : { is_forced_down: isForcedDown ? 1 : 0 }),
      updated_at: now(tx),
    })
    .where("id", "=", id)
    .returning("id")
    .executeTakeFirst();
  if (row === undefined) throw errors.serviceIdMissing(id);
}

/** By UUID, or by the number that older versions show. */
export async function getService(tx: Tx, config: ComputeConfig, id: string): Promise<PlacedService> {
  const all = await placedServices(tx, config);
  const found = all.find(({ service }) => service.id === id || String(numberOf(service.id)) === id);
  if (found === undefined) throw errors.serviceIdMissing(id);
  return found;
}

export async function getServiceOf(
  tx: Tx,
  config: ComputeConfig,
  { host, binary }: Required<ServiceFilter>,
): Promise<PlacedService> {
  const [found] = await listServices(tx, config, { host, binary });
  if (found === undefined) throw errors.serviceMissing(host);
  return found;
}

/** Forgets a service that will not come back, with its host's node; its servers have to be gone. */
export async function deleteService(tx: Tx, config: ComputeConfig, id: string): Promise<void> {
  const { service } = await getService(tx, config, id);
  const nodes = await tx
    .selectFrom("compute_nodes")
    .select("id")
    .where("service_id", "=", service.id)
    .execute();
  const server = await tx
    .selectFrom("servers")
    .select("id")
    .where("host", "=", service.host)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  const isLeft = await hasMoves(tx, service.host);
  if (nodes.length > 0 && (server !== undefined || isLeft)) throw errors.serviceBusy();
  for (const node of nodes) await removeProvider(tx, node.id);
  await tx.deleteFrom("compute_nodes").where("service_id", "=", service.id).execute();
  if (nodes.length > 0) await tx.deleteFrom("aggregate_hosts").where("host", "=", service.host).execute();
  await tx.deleteFrom("compute_services").where("id", "=", service.id).execute();
}

/** Whether a server that was here, or comes here, has left something that is not yet decided on. */
async function hasMoves(tx: Tx, host: string): Promise<boolean> {
  const move = await tx
    .selectFrom("server_migrations")
    .select("id")
    .where("status", "in", holdingStatuses)
    .where((is) => is.or([is("source_compute", "=", host), is("dest_compute", "=", host)]))
    .executeTakeFirst();
  return move !== undefined;
}
