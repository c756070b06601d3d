// What a compute host answers to (queue `compute.<host>`). A worker has no database: each call carries all it
// needs, and every method may be called again after success, failure or a crash.
import type { ImageBytes } from "@micronova/image";
import type { Uuid } from "@micronova/kit";
import type { PluggedPort, PortSpec } from "@micronova/network";
import { contract, method } from "@micronova/rpc";
import type { VolumeConnection } from "@micronova/volume";
import type { DiskTarget, DomainInfo, KeptCopy, OwnDisk } from "../drivers/driver.ts";

/** A volume as the host reaches it, with the place the guest sees it at. */
export interface VolumeToAttach {
  readonly connection: VolumeConnection;
  readonly device: string | null;
  readonly bootIndex: number | null;
}

export interface SpawnArgs {
  readonly serverId: Uuid;
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly rootGb: number;
  readonly ephemeralGb: number;
  readonly swapMb: number;
  readonly architecture: string | null;
  /** Null when the server boots from a volume. */
  readonly image: {
    readonly imageId: Uuid;
    readonly path: string;
    readonly format: "raw" | "qcow2";
    /** For a host on which the path is nothing. */
    readonly bytes?: ImageBytes;
  } | null;
  readonly kernel: {
    readonly kernelPath: string;
    readonly ramdiskPath: string | null;
    readonly kernelBytes?: ImageBytes;
    readonly ramdiskBytes?: ImageBytes | null;
    readonly commandLine: string;
  } | null;
  readonly ports: readonly PortSpec[];
  readonly volumes: readonly VolumeToAttach[];
  /** Files of the config drive by path, base64; null for no drive. */
  readonly configDrive: Readonly<Record<string, string>> | null;
}

export interface SpawnResult {
  /** Nova's number. */
  readonly powerState: number;
  readonly plugged: readonly PluggedPort[];
}

export interface ServerArgs {
  readonly serverId: Uuid;
}

export interface PowerArgs extends ServerArgs {
  readonly on: boolean;
  readonly graceMs: number;
  /** Plugged again before a start, since the host may have been restarted meanwhile. */
  readonly ports: readonly PortSpec[];
}

interface CopyArgs extends ServerArgs {
  readonly copy: Uuid;
}

export interface ComeBackArgs extends CopyArgs {
  readonly on: boolean;
  readonly ports: readonly PortSpec[];
  readonly volumes: readonly VolumeToAttach[];
}

// With the pause between reports this is within fifteen seconds.
const pingTimeoutMs = 4_000;
// Whoever works on a call, or has it waiting, says so every few seconds, however long it takes: this much
// silence means that the message or the worker is lost.
const timeoutMs = 12_000;

export const computeWorkerContract = contract("compute", {
  /** Answers that the worker takes work: its own reporter asks, by way of the bus. */
  ping: method<Readonly<Record<string, never>>>({ timeoutMs: pingTimeoutMs }),
  /** The guests that really are on the host, of these servers or of all. */
  list: method<
    { readonly serverIds: readonly Uuid[] | null },
    /** Hosts of an earlier release say nothing of copies. */
    { readonly guests: readonly DomainInfo[]; readonly copies?: readonly KeptCopy[] }
  >({ timeoutMs }),
  spawn: method<SpawnArgs, SpawnResult>({ timeoutMs }),
  destroy: method<ServerArgs & { readonly portIds: readonly Uuid[] }>({ timeoutMs }),
  power: method<PowerArgs>({ timeoutMs }),
  reboot: method<ServerArgs & { readonly kind: "soft" | "hard"; readonly ports: readonly PortSpec[] }>({
    timeoutMs,
  }),
  pause: method<ServerArgs & { readonly paused: boolean }>({ timeoutMs }),
  suspend: method<ServerArgs & { readonly suspended: boolean }>({ timeoutMs }),
  attachVolume: method<ServerArgs & { readonly volume: VolumeToAttach }, { readonly device: string }>({
    timeoutMs,
  }),
  detachVolume: method<ServerArgs & { readonly volumeId: Uuid }>({ timeoutMs }),
  attachPort: method<ServerArgs & { readonly port: PortSpec }, PluggedPort>({ timeoutMs }),
  detachPort: method<ServerArgs & { readonly portId: Uuid }>({ timeoutMs }),
  /** What of a server that moves is on its host's own disks. */
  ownDisks: method<ServerArgs, { readonly disks: readonly OwnDisk[] }>({ timeoutMs }),
  /** Makes room for the disks of a server that comes from another host, or from this one. */
  receive: method<
    ServerArgs & { readonly from: string; readonly disks: readonly OwnDisk[] },
    { readonly target: DiskTarget | null }
  >({ timeoutMs }),
  unreceive: method<ServerArgs>({ timeoutMs }),
  /** Ends the guest and puts it aside under the name of the copy. */
  leave: method<CopyArgs & { readonly graceMs: number; readonly portIds: readonly Uuid[] }>({ timeoutMs }),
  send: method<CopyArgs & { readonly to: DiskTarget }>({ timeoutMs }),
  arrive: method<SpawnArgs & { readonly on: boolean }, SpawnResult>({ timeoutMs }),
  comeBack: method<ComeBackArgs, SpawnResult>({ timeoutMs }),
  /** Ends the guest, and leaves its copies alone. */
  drop: method<ServerArgs & { readonly portIds: readonly Uuid[] }>({ timeoutMs }),
  forget: method<CopyArgs>({ timeoutMs }),
  consoleOutput: method<ServerArgs & { readonly lines: number | null }, { readonly output: string }>({
    timeoutMs,
  }),
});
