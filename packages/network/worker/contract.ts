// What a network worker answers to (queue `network.<host>`), what it tells the control plane, and what it
// asks for its guests, since it has no database.
import type { Uuid } from "@micronova/kit";
import { contract, method } from "@micronova/rpc";
import type { HostNetwork, Plug, PortSpec, Tunnel } from "../drivers/driver.ts";

// Whoever works on a call says so every few seconds, however long it takes.
const hostTimeoutMs = 12_000;
const plainTimeoutMs = 15_000;

export const networkWorkerContract = contract("network", {
  /** Makes the host equal to what is given: what is not in it is removed. */
  apply: method<HostNetwork>({ timeoutMs: hostTimeoutMs }),
  plug: method<{ readonly port: PortSpec }, Plug>({ timeoutMs: hostTimeoutMs }),
  unplug: method<{ readonly portId: Uuid }>({ timeoutMs: hostTimeoutMs }),
  /** Brings those of the ports up to date that are plugged here, and the ways to other hosts; plugs none. */
  refresh: method<HostNetwork>({ timeoutMs: hostTimeoutMs }),
  /** The ports plugged here. */
  list: method<Readonly<Record<string, never>>, { readonly portIds: readonly Uuid[] }>({
    timeoutMs: hostTimeoutMs,
  }),
});

export interface HostReport {
  readonly host: string;
  readonly driver: string;
  readonly filtering: boolean;
  readonly isStart: boolean;
  readonly portIds: readonly Uuid[];
  readonly tunnel: Tunnel;
  /** Asks to be told all again: what it was told last may have been lost, or come in another order. */
  readonly asks: boolean;
}

/** Answered by any conductor (queue `network-reports`). */
export const networkReportsContract = contract("network-reports", {
  /** The answer names the ports that should not be on this host: their rows are gone or say another host. */
  report_host: method<HostReport, { readonly orphans: readonly Uuid[] }>({ timeoutMs: plainTimeoutMs }),
});

export interface MetadataRequest {
  readonly networkId: Uuid;
  /** The guest's own, as the driver proves it. */
  readonly address: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64. */
  readonly body: string;
}

export interface MetadataResponse {
  readonly status: number;
  readonly contentType: string;
  /** Base64. */
  readonly body: string;
}

/** Served by compute (queue `metadata`), which knows the servers. */
export const metadataContract = contract("metadata", {
  lookup: method<MetadataRequest, MetadataResponse>({ timeoutMs: plainTimeoutMs }),
});
