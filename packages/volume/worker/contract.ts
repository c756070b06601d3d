// What a volume worker answers to (queue `volume.<host>`), and what it tells the control plane, since it has
// no database.
import type { Uuid } from "@micronova/kit";
import { contract, method } from "@micronova/rpc";
import type {
  Initiator,
  PoolCapacity,
  VolumeConnection,
  VolumeInfo,
  VolumeSource,
} from "../drivers/driver.ts";

interface OneVolume {
  readonly volumeId: Uuid;
}

// Making and wiping volumes moves bytes; the worker's signs of life keep the caller waiting as long as it
// takes.
const bytesTimeoutMs = 60_000;
const plainTimeoutMs = 30_000;

/** Wiping a large volume takes hours. A worker that died is noticed by its silence, long before. */
export const bytesDeadlineMs = 6 * 3_600_000;

export const volumeWorkerContract = contract("volume", {
  /** The volumes whose bytes are really there. */
  list: method<Readonly<Record<string, never>>, { readonly volumes: readonly VolumeInfo[] }>({
    timeoutMs: plainTimeoutMs,
  }),
  create: method<OneVolume & { readonly sizeGb: number; readonly source: VolumeSource }>({
    timeoutMs: bytesTimeoutMs,
  }),
  delete: method<OneVolume>({ timeoutMs: bytesTimeoutMs }),
  extend: method<OneVolume & { readonly sizeGb: number }>({ timeoutMs: bytesTimeoutMs }),
  export: method<OneVolume & { readonly initiator: Initiator }, VolumeConnection>({
    timeoutMs: plainTimeoutMs,
  }),
  unexport: method<OneVolume & { readonly initiator: Initiator }>({ timeoutMs: plainTimeoutMs }),
  capacity: method<Readonly<Record<string, never>>, PoolCapacity>({ timeoutMs: plainTimeoutMs }),
});

export interface PoolReport {
  readonly host: string;
  readonly backend: string;
  readonly pool: string;
  readonly capacity: PoolCapacity;
}

/** Answered by any conductor (queue `volume-reports`). */
export const volumeReportsContract = contract("volume-reports", {
  report_pool: method<PoolReport>({ timeoutMs: 15_000 }),
});
