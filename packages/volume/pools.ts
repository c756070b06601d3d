// Volume workers and their pools as the control plane knows them, and the choice of one for a new volume.
import type { Millis } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { initialStatus } from "./states.ts";
import type { VolumeServiceRow } from "./tables.ts";
import type { PoolReport } from "./worker/contract.ts";

/** A worker that has said nothing for so long counts as down: Cinder's default. */
const serviceDownMs: Millis = 60_000;

export async function recordPool(tx: Tx, report: PoolReport): Promise<void> {
  const { host, backend, pool, capacity } = report;
  const seen = {
    backend,
    pool,
    mode: capacity.mode,
    total_gb: capacity.totalGb,
    free_gb: capacity.freeGb,
    last_seen: now(tx),
  };
  await tx
    .insertInto("volume_services")
    .values({ host, ...seen, is_disabled: 0, disabled_reason: null, created_at: now(tx) })
    .onConflict((conflict) => conflict.column("host").doUpdateSet(seen))
    .execute();
}

export async function volumeServices(tx: Tx): Promise<VolumeServiceRow[]> {
  return await tx.selectFrom("volume_services").selectAll().orderBy("host").execute();
}

export function isUp(service: Pick<VolumeServiceRow, "last_seen">, at: Millis): boolean {
  return at - service.last_seen < serviceDownMs;
}

/** A place as the API names it. */
export function poolName({
  host,
  backend,
  pool,
}: Pick<VolumeServiceRow, "host" | "backend" | "pool">): string {
  return `${host}@${backend}#${pool}`;
}

/** By the worker's name, with or without the backend after it. */
export async function setDisabled(
  tx: Tx,
  host: string,
  change: { readonly isDisabled: boolean; readonly reason: string | null },
): Promise<VolumeServiceRow> {
  const service = await tx
    .updateTable("volume_services")
    .set({ is_disabled: change.isDisabled ? 1 : 0, disabled_reason: change.reason })
    .where("host", "=", host.split("@")[0]!)
    .returningAll()
    .executeTakeFirst();
  if (service === undefined) throw errors.serviceNotFound(host);
  return service;
}

/**
 * The pool for a new volume: alive, enabled, not tried before, with room; of several the one with the most
 * room.
 */
export async function placeVolume(
  tx: Tx,
  request: { readonly sizeGb: number; readonly tried: readonly string[] },
): Promise<VolumeServiceRow> {
  const services = await volumeServices(tx);
  const promised = await promisedGb(tx);
  const at = now(tx);
  const reasons: string[] = [];
  const fitting: { readonly service: VolumeServiceRow; readonly freeGb: number }[] = [];
  for (const service of services) {
    const freeGb = service.free_gb - (promised.get(service.host) ?? 0);
    const reason = whyNot(service, freeGb, request, at);
    if (reason === null) fitting.push({ service, freeGb });
    else reasons.push(`${service.host}: ${reason}`);
  }
  const [best] = fitting.sort((a, b) => b.freeGb - a.freeGb);
  if (best !== undefined) return best.service;
  throw errors.noValidHost(
    services.length === 0 ? "No volume worker has reported yet." : `${reasons.join("; ")}.`,
  );
}

function whyNot(
  service: VolumeServiceRow,
  freeGb: number,
  { sizeGb, tried }: { readonly sizeGb: number; readonly tried: readonly string[] },
  at: Millis,
): string | null {
  if (tried.includes(service.host)) return "it failed before";
  if (service.is_disabled === 1) return "it is disabled";
  if (!isUp(service, at)) return "its worker is down";
  if (freeGb < sizeGb) return `${freeGb} GB free, ${sizeGb} GB wanted`;
  return null;
}

/** Space of volumes that are being made, which the last report does not know of. */
async function promisedGb(tx: Tx): Promise<ReadonlyMap<string, number>> {
  const rows = await tx
    .selectFrom("volumes")
    .select((eb) => ["host", eb.fn.sum<number>("size").as("gb")])
    .where("status", "=", initialStatus)
    .where("host", "is not", null)
    .groupBy("host")
    .execute();
  return new Map(rows.map(({ host, gb }) => [host ?? "", Number(gb)]));
}
