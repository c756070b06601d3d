// What a volume worker answers to (queue `volume.<host>`), and what it tells the control plane, since it has
// no database.
import type { ImageBytes } from "@micronova/image";
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

export interface CreateArgs extends OneVolume {
  readonly sizeGb: number;
  readonly source: VolumeSource;
  /** The image's, for a host on which the source's path is nothing. */
  readonly bytes?: ImageBytes;
}

// Whoever works on a call, or has it waiting, says so every few seconds, however long it takes: this much
// silence means that the message or the worker is lost.
const timeoutMs = 12_000;

/** Wiping a large volume takes hours. A worker that died is noticed by its silence, long before. */
export const bytesDeadlineMs = 6 * 3_600_000;

export const volumeWorkerContract = contract("volume", {
  /** The volumes whose bytes are really there. */
  list: method<Readonly<Record<string, never>>, { readonly volumes: readonly VolumeInfo[] }>({
    timeoutMs,
  }),
  create: method<CreateArgs>({ timeoutMs }),
  delete: method<OneVolume>({ timeoutMs }),
  extend: method<OneVolume & { readonly sizeGb: number }>({ timeoutMs }),
  export: method<OneVolume & { readonly initiator: Initiator }, VolumeConnection>({
    timeoutMs,
  }),
  unexport: method<OneVolume & { readonly initiator: Initiator }>({ timeoutMs }),
  capacity: method<Readonly<Record<string, never>>, PoolCapacity>({ timeoutMs }),
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
