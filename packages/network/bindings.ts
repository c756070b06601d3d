// How hosts plugged ports, as far as somebody outside must know it: the host's port that leads to a guest
// behind QEMU's user networking. A tap on a bridge is what ports have otherwise, and is not written down.
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import type { Port } from "./tables.ts";

export interface PluggedPort {
  readonly portId: Uuid;
  /** Where its host's 127.0.0.1 leads to the guest's port 22; null where the guest has its own address. */
  readonly sshPort: number | null;
}

/** What Neutron shows of a binding. */
export interface Vif {
  readonly type: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A port that lost its host meanwhile stays as it is. */
export async function recordPlugs(tx: Tx, plugged: readonly PluggedPort[]): Promise<void> {
  for (const { portId, sshPort } of plugged) {
    if (sshPort === null) continue;
    const details = { port_filter: false, ssh_host: "127.0.0.1", ssh_port: sshPort };
    await tx
      .updateTable("ports")
      .set({ vif_type: "other", vif_details: JSON.stringify(details) })
      .where("id", "=", portId)
      .where("binding_host", "is not", null)
      .execute();
  }
}

export function vifOf(port: Port): Vif {
  if (port.binding_host === null) return { type: "unbound", details: {} };
  if (port.vif_type === null) return { type: "bridge", details: { port_filter: true } };
  return { type: port.vif_type, details: JSON.parse(port.vif_details ?? "{}") };
}

/** For a port that goes to another host, or to none. */
export const noVif = { vif_type: null, vif_details: null };
