// A host as the scheduler sees it: plain numbers, gathered by whoever asks.

export interface HostState {
  readonly host: string;
  readonly availabilityZone: string;
  readonly isEnabled: boolean;
  readonly disabledReason: string | null;
  readonly isUp: boolean;
  /** Its worker reports and takes no work, and so it is not up. */
  readonly isDeaf: boolean;
  /** As Linux names them: `x86_64`, `aarch64`. */
  readonly architectures: readonly string[];
  /** `QEMU`, `KVM`, `fake`. */
  readonly hypervisorType: string;
  readonly vcpus: number;
  readonly vcpusUsed: number;
  readonly memoryMb: number;
  readonly memoryUsedMb: number;
  /** Kept for the host itself. */
  readonly memoryReservedMb: number;
  readonly diskGb: number;
  readonly diskUsedGb: number;
  readonly diskReservedGb: number;
  /** How far each may be overcommitted. */
  readonly cpuRatio: number;
  readonly ramRatio: number;
  readonly diskRatio: number;
  readonly serverCount: number;
  /** Servers being built, moved or snapshotted there. */
  readonly ioOpsCount: number;
  /** What the host is busy with now; null until it has said so. */
  readonly load: HostLoad | null;
}

export interface HostLoad {
  /** Load average of a minute divided by the number of CPUs. */
  readonly cpu: number;
  readonly freeMemoryMb: number;
  readonly freeDiskGb: number;
}

interface Resource {
  readonly total: number;
  readonly reserved: number;
  readonly ratio: number;
  readonly used: number;
}

/**
 * What one more server could get at most: what is left of the capacity, and never more than the host itself
 * has.
 */
export function roomFor({ total, reserved, ratio, used }: Resource): number {
  return Math.max(0, Math.min(total, Math.trunc((total - reserved) * ratio) - used));
}
