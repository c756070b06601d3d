// What a volume driver must do. Every method is idempotent: called again after success, failure or a crash,
// it ends in the same state. New volumes read as zeros.
import type { Uuid } from "@micronova/kit";

export interface PoolCapacity {
  readonly totalGb: number;
  readonly freeGb: number;
  /**
   * What the driver does with logical volumes here: `device-mapper`, `offsets` (no device mapper), `files`
   * or `memory`.
   */
  readonly mode: string;
}

export interface VolumeSpec {
  readonly volumeId: Uuid;
  readonly sizeGb: number;
}

export type VolumeSource =
  | { readonly kind: "blank" }
  /** An image file, already probed; its format is passed on explicitly. */
  | {
      readonly kind: "image";
      readonly path: string;
      readonly format: "raw" | "qcow2";
      readonly imageId?: Uuid;
    };

/** Who will use the volume. */
export interface Initiator {
  readonly host: string;
  /** Whether others may have it at the same time: it is multiattach, or its server moves. Absent is no. */
  readonly isShared?: boolean;
}

/** On the host that has the bytes: a path, which is the volume's alone. */
export interface PathConnection {
  readonly kind: "path";
  readonly volumeId: Uuid;
  readonly path: string;
  readonly format: "raw" | "qcow2";
}

/** On another host: an NBD server that has this volume alone, and lets in this initiator alone. */
export interface NbdConnection {
  readonly kind: "nbd";
  readonly volumeId: Uuid;
  readonly address: string;
  readonly port: number;
  readonly exportName: string;
  /** Whom the server's certificate must name; null where the operator gave up TLS. */
  readonly tlsName: string | null;
}

/** How the bytes are reached. */
export type VolumeConnection = PathConnection | NbdConnection;

export interface VolumeInfo {
  readonly volumeId: Uuid;
  readonly sizeGb: number;
}

export interface VolumeDriver {
  readonly name: string;
  /** Whether other hosts reach the volumes' bytes, too; absent is no. */
  readonly isShared?: boolean;
  /** Makes the pool ready (volume group found, loop device attached, directory made). */
  start(): Promise<void>;
  /** Lets go of what the process holds; the pool and its data stay. */
  stop(): Promise<void>;
  /**
   * Removes the pool itself where the driver made it (volume group, loop device, backing file). For `down
   * --destroy` and `demo --stop`.
   */
  dispose(): Promise<void>;
  capacity(): Promise<PoolCapacity>;
  list(): Promise<readonly VolumeInfo[]>;
  create(volume: VolumeSpec, source: VolumeSource): Promise<void>;
  /** Wipes or trims before the space can be used again; absent is success. */
  delete(volumeId: Uuid): Promise<void>;
  extend(volumeId: Uuid, sizeGb: number): Promise<void>;
  export(volumeId: Uuid, to: Initiator): Promise<VolumeConnection>;
  unexport(volumeId: Uuid, from: Initiator): Promise<void>;
}

/** A driver whose volumes are reached on its own host. */
export interface LocalVolumeDriver extends VolumeDriver {
  export(volumeId: Uuid, to: Initiator): Promise<PathConnection>;
}
