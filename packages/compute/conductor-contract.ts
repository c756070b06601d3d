// What any conductor answers to on behalf of hosts (queue `conductor`): hosts have no database, so they
// report here.
import type { Uuid } from "@micronova/kit";
import type { PortSpec } from "@micronova/network";
import { contract, method, topic } from "@micronova/rpc";
import type { HostInventory, HostLoad } from "./drivers/driver.ts";

/** Who a host is and what it has. Sent at its start and whenever it changes. */
export interface HostReport {
  /** Made at the host's first start and kept on its disk; also its resource provider's id. */
  readonly nodeId: Uuid;
  readonly host: string;
  readonly inventory: HostInventory;
}

/** One guest's power as its host sees it, in Nova's number. */
export interface GuestPower {
  readonly serverId: Uuid;
  readonly powerState: number;
}

export interface Heartbeat {
  /** All hosts of the reporting process: many fake hosts are one message and one statement. */
  readonly hosts: readonly {
    readonly host: string;
    readonly load: HostLoad;
    /** Whether its worker took work lately: one that only reports is deaf. */
    readonly isDeaf: boolean;
  }[];
}

export const conductorContract = contract("conductor_hosts", {
  report_host: method<{ readonly hosts: readonly HostReport[] }>({ timeoutMs: 15_000 }),
  /** Answers the hosts that are not known, which must report in full. */
  heartbeat: method<Heartbeat, { readonly unknown: readonly string[] }>({ timeoutMs: 15_000 }),
  /**
   * Guests whose power changed since the last report of this host. Answers those on whose servers something
   * is under way, which it reports again.
   */
  report_power: method<
    { readonly host: string; readonly guests: readonly GuestPower[] },
    { readonly later: readonly Uuid[] }
  >({
    timeoutMs: 15_000,
  }),
  /** What the host's guests need plugged, asked once after a start of the worker. */
  guest_ports: method<
    { readonly host: string; readonly serverIds: readonly Uuid[] },
    { readonly ports: readonly PortSpec[] }
  >({ timeoutMs: 15_000 }),
});

/** News for all schedulers: loads of hosts, and whether what the store says of hosts has changed. */
export const hostNews = topic<{
  readonly loads: {
    readonly host: string;
    readonly cpu: number;
    readonly freeMemoryMb: number;
    readonly freeDiskGb: number;
  }[];
  readonly changed: boolean;
}>("host-news");
