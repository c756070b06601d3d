// What a compute host answers to (queue `compute.<host>`). A worker has no database: each call carries all it
// needs, and every method may be called again after success, failure or a crash.
import type { Uuid } from "@micronova/kit";
import type { PluggedPort, PortSpec } from "@micronova/network";
import { contract, method } from "@micronova/rpc";
import type { VolumeConnection } from "@micronova/volume";
import type { DomainInfo } from "../drivers/driver.ts";

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
  } | null;
  readonly kernel: {
    readonly kernelPath: string;
    readonly ramdiskPath: string | null;
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

const minute = 60_000;
// With the pause between reports this is within fifteen seconds.
const pingTimeoutMs = 4_000;

export const computeWorkerContract = contract("compute", {
  /** Answers that the worker takes work: its own reporter asks, by way of the bus. */
  ping: method<Readonly<Record<string, never>>>({ timeoutMs: pingTimeoutMs }),
  /** The guests that really are on the host, of these servers or of all. */
  list: method<{ readonly serverIds: readonly Uuid[] | null }, { readonly guests: readonly DomainInfo[] }>({
    timeoutMs: minute / 4,
  }),
  spawn: method<SpawnArgs, SpawnResult>({ timeoutMs: 10 * minute }),
  destroy: method<ServerArgs & { readonly portIds: readonly Uuid[] }>({ timeoutMs: 2 * minute }),
  power: method<PowerArgs>({ timeoutMs: 3 * minute }),
  reboot: method<ServerArgs & { readonly kind: "soft" | "hard"; readonly ports: readonly PortSpec[] }>({
    timeoutMs: 3 * minute,
  }),
  pause: method<ServerArgs & { readonly paused: boolean }>({ timeoutMs: minute }),
  suspend: method<ServerArgs & { readonly suspended: boolean }>({ timeoutMs: 10 * minute }),
  attachVolume: method<ServerArgs & { readonly volume: VolumeToAttach }, { readonly device: string }>({
    timeoutMs: minute,
  }),
  detachVolume: method<ServerArgs & { readonly volumeId: Uuid }>({ timeoutMs: 2 * minute }),
  attachPort: method<ServerArgs & { readonly port: PortSpec }, PluggedPort>({ timeoutMs: minute }),
  detachPort: method<ServerArgs & { readonly portId: Uuid }>({ timeoutMs: minute }),
  consoleOutput: method<ServerArgs & { readonly lines: number | null }, { readonly output: string }>({
    timeoutMs: minute,
  }),
});
