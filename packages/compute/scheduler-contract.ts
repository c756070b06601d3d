// What any scheduler answers to (queue `scheduler`). Asking changes nothing; the claim that follows is what is safe.
import type { Uuid } from "@micronova/kit";
import { contract, method } from "@micronova/rpc";

/** What is wanted of a host. */
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
  /** Hosts on which this request failed already. */
  readonly ignoreHosts: readonly string[];
  readonly hints: Readonly<Record<string, unknown>>;
}

export interface Candidate {
  readonly host: string;
  readonly nodeId: Uuid;
  readonly node: string;
  readonly availabilityZone: string;
}

export interface Destinations {
  /** The best first, then the alternates. Never empty: an empty choice is the fault `noValidHost`. */
  readonly candidates: readonly Candidate[];
}

export const schedulerContract = contract("scheduler", {
  select_destinations: method<RequestSpec, Destinations>({ timeoutMs: 15_000 }),
});
