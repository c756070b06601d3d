// What a hypervisor driver must do. Every method is idempotent: called again after success, failure or a
// crash, it ends in the same state. An ability a driver may lack is null, never a method that throws.
import type { Uuid } from "@micronova/kit";

export interface HostInventory {
  /** `qemu` or `fake`, as `hypervisor_type` shows it (`QEMU`, `KVM`, `fake`). */
  readonly hypervisorType: string;
  /** As an integer: 7.2.13 → 7002013. */
  readonly hypervisorVersion: number;
  readonly architecture: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly diskGb: number;
  readonly cpuInfo: {
    readonly vendor: string;
    readonly model: string;
    readonly features: readonly string[];
    readonly topology: { readonly sockets: number; readonly cores: number; readonly threads: number };
  };
  /** Address of the host for migrations and consoles. */
  readonly hostIp: string;
}

/** What the host is busy with now, beyond what servers asked for. */
export interface HostLoad {
  /** One-minute load average divided by the number of CPUs. */
  readonly cpu: number;
  readonly freeMemoryMb: number;
  readonly freeDiskGb: number;
}

export type PowerState = "running" | "paused" | "shutdown" | "crashed" | "suspended";

export interface DomainInfo {
  readonly serverId: Uuid;
  readonly power: PowerState;
  readonly volumes: readonly Uuid[];
  readonly ports: readonly Uuid[];
}

/** An image's bytes on this host, probed and pinned. */
export interface DiskImage {
  readonly imageId: Uuid;
  readonly path: string;
  readonly format: "raw" | "qcow2";
}

export type NicPlug =
  | { readonly kind: "tap"; readonly name: string }
  | { readonly kind: "user"; readonly sshPort: number; readonly cidr: string; readonly address: string }
  | { readonly kind: "none" };

export interface Nic {
  readonly portId: Uuid;
  readonly macAddress: string;
  readonly mtu: number;
  readonly plug: NicPlug;
}

interface AnyDisk {
  readonly volumeId: Uuid;
  /** The name the API shows, such as `/dev/vdb`; null lets the driver choose the next free one. */
  readonly device: string | null;
  readonly bootIndex: number | null;
}

/** The volume is on this host. */
export interface PathDisk extends AnyDisk {
  /** Servers that were spawned before there was another kind say none. */
  readonly kind?: "path";
  readonly path: string;
  readonly format: "raw" | "qcow2";
}

/** The volume is on another host, which serves it to this one alone. */
export interface NbdDisk extends AnyDisk {
  readonly kind: "nbd";
  readonly address: string;
  readonly port: number;
  readonly exportName: string;
  /** Whom the server's certificate must name; null without TLS. */
  readonly tlsName: string | null;
}

/** A volume's bytes as this host reaches them. */
export type VolumeDisk = PathDisk | NbdDisk;

export interface DomainSpec {
  readonly serverId: Uuid;
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly rootGb: number;
  readonly ephemeralGb: number;
  readonly swapMb: number;
  /** Null when the server boots from a volume. */
  readonly image: DiskImage | null;
  /** Direct boot: kernel and ramdisk images with the kernel's command line. */
  readonly kernel: {
    readonly kernelPath: string;
    readonly ramdiskPath: string | null;
    readonly commandLine: string;
  } | null;
  readonly architecture: string;
  readonly nics: readonly Nic[];
  readonly volumes: readonly VolumeDisk[];
  /** Files of the config drive by path (`openstack/latest/meta_data.json`), base64; null for no drive. */
  readonly configDrive: Readonly<Record<string, string>> | null;
}

/** One of a server's own disks. */
export interface OwnDisk {
  readonly name: "root" | "ephemeral" | "swap";
  /** What the guest sees; what it takes on the host may be less. */
  readonly bytes: number;
}

/** Where the disks of a server that moves are written to. */
export interface DiskTarget {
  readonly address: string;
  readonly port: number;
  /** Whom the certificate there must name; null without TLS. */
  readonly tlsName: string | null;
}

/** What is on the host of a server that moves, besides a guest that `list` tells. */
export interface KeptCopy {
  readonly serverId: Uuid;
  /** Null for disks that arrive. */
  readonly copy: Uuid | null;
}

/**
 * Moving a server that does not run meanwhile. A copy is a guest that was put aside, with its disks, under a
 * name of the caller's: it cannot be started until it comes back, and a server may have several, since the
 * host it comes to may be the one it leaves.
 */
export interface MigrationDriver {
  /** The disks of a guest that is here. */
  disks(serverId: Uuid): Promise<readonly OwnDisk[]>;
  /** Makes disks of these sizes, open to the host that will write them; null where nothing has to. */
  receive(
    serverId: Uuid,
    what: { readonly from: string; readonly disks: readonly OwnDisk[] },
  ): Promise<DiskTarget | null>;
  /** Takes back `receive`. Absent is success. */
  unreceive(serverId: Uuid): Promise<void>;
  /** Ends the guest, asking it first, and puts it aside. */
  leave(serverId: Uuid, copy: Uuid, options: { readonly graceMs: number }): Promise<void>;
  /** Writes the copy's disks to where they are received. */
  send(serverId: Uuid, copy: Uuid, to: DiskTarget): Promise<void>;
  /** Makes a guest of the disks that arrived, as large as wanted now, and starts it if it shall run. */
  arrive(spec: DomainSpec, on: boolean): Promise<DomainInfo>;
  /** The copy is the server's guest again, with these cards and volumes, and runs if it shall. */
  comeBack(
    serverId: Uuid,
    copy: Uuid,
    now: { readonly on: boolean; readonly nics: readonly Nic[]; readonly volumes: readonly VolumeDisk[] },
  ): Promise<DomainInfo>;
  /** Ends the guest, and leaves alone what was put aside. Absent is success. */
  drop(serverId: Uuid): Promise<void>;
  /** Removes the copy. Absent is success. */
  forget(serverId: Uuid, copy: Uuid): Promise<void>;
  copies(): Promise<readonly KeptCopy[]>;
}

export interface VirtDriver {
  readonly name: string;
  readonly migration: MigrationDriver | null;
  start(): Promise<void>;
  /** Lets go of what the process holds; guests go on. */
  stop(): Promise<void>;
  inventory(): Promise<HostInventory>;
  load(): Promise<HostLoad>;
  /** What really exists here; the reconcilers' eye. */
  list(): Promise<readonly DomainInfo[]>;
  info(serverId: Uuid): Promise<DomainInfo | null>;
  /** Makes the disks and starts the guest. A guest that already runs is success. */
  spawn(spec: DomainSpec): Promise<DomainInfo>;
  /** Ends the guest and removes its disks and copies; volumes are left alone. Absent is success. */
  destroy(serverId: Uuid): Promise<void>;
  /** `soft` off asks the guest by ACPI and ends it after `graceMs`. */
  power(serverId: Uuid, on: boolean, options?: { readonly graceMs: number }): Promise<void>;
  /** The same operation again is a no-op. */
  reboot(serverId: Uuid, kind: "soft" | "hard", operation: string): Promise<void>;
  pause(serverId: Uuid, paused: boolean): Promise<void>;
  suspend(serverId: Uuid, suspended: boolean): Promise<void>;
  /** Also for a stopped server: the volume is there at its next start. */
  attachVolume(serverId: Uuid, volume: VolumeDisk): Promise<{ readonly device: string }>;
  detachVolume(serverId: Uuid, volumeId: Uuid): Promise<void>;
  attachNic(serverId: Uuid, nic: Nic): Promise<void>;
  detachNic(serverId: Uuid, portId: Uuid): Promise<void>;
  /** The serial console's output so far: the last `lines`, or all that is kept. */
  consoleOutput(serverId: Uuid, lines: number | null): Promise<string>;
}
