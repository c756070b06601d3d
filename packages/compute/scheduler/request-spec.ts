// What is wanted of a host.
import type { Uuid } from "@micronova/kit";

export interface RequestSpec {
  readonly serverId: Uuid;
  readonly projectId: string;
  readonly flavor: {
    readonly name: string;
    readonly vcpus: number;
    readonly memoryMb: number;
    /** Root, ephemeral and swap together, in whole GB; the root counts only when it is on the host. */
    readonly diskGb: number;
    readonly extraSpecs: Readonly<Record<string, string>>;
  };
  readonly imageProperties: Readonly<Record<string, string>>;
  readonly availabilityZone: string | null;
  /** Only this host, without filters (`zone:host`). */
  readonly forceHost: string | null;
  /** Only this host, with filters (2.74). */
  readonly requestedHost: string | null;
  /** The server's own host, which it leaves. */
  readonly leavesHost?: string;
  /** What a server that moves runs on: its disks and devices are of this kind. */
  readonly hypervisorType?: string;
  /** Hosts on which this request failed already. */
  readonly ignoreHosts: readonly string[];
  readonly hints: Readonly<Record<string, unknown>>;
}
