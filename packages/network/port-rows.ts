// The rows of ports, without their addresses and groups.
import type { Uuid } from "@micronova/kit";
import { newId, type Tx } from "@micronova/store";
import { errors } from "./errors.ts";
import { flag, newRow } from "./standard.ts";
import type { Port } from "./tables.ts";

export interface NewPortRow {
  readonly id?: Uuid | undefined;
  readonly network_id: Uuid;
  readonly project_id: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly admin_state_up?: boolean | undefined;
  readonly mac_address?: string | undefined;
  readonly device_id?: string | undefined;
  readonly device_owner?: string | undefined;
  readonly port_security_enabled?: boolean | undefined;
  readonly binding_host?: string | null | undefined;
  readonly binding_profile?: string | undefined;
  readonly binding_vnic_type?: string | undefined;
  readonly hostname?: string | undefined;
}

// Three bytes of chance among a network's ports: a second clash in a row is rare, sixteen do not happen.
const macTries = 16;

/** A MAC that is asked for and taken is refused; one of ours is drawn again. */
export async function insertPort(tx: Tx, wanted: NewPortRow): Promise<Port> {
  for (let attempt = 0; attempt < macTries; attempt++) {
    const mac = wanted.mac_address?.toLowerCase() ?? drawMac(tx);
    const port = await tx
      .insertInto("ports")
      .values({
        ...newRow(tx, wanted),
        network_id: wanted.network_id,
        admin_state_up: flag(wanted.admin_state_up ?? true),
        mac_address: mac,
        device_id: wanted.device_id ?? "",
        device_owner: wanted.device_owner ?? "",
        port_security_enabled: flag(wanted.port_security_enabled ?? true),
        binding_host: wanted.binding_host ?? null,
        binding_profile: wanted.binding_profile ?? "{}",
        binding_vnic_type: wanted.binding_vnic_type ?? "normal",
        hostname: wanted.hostname ?? "",
      })
      .onConflict((conflict) => conflict.columns(["network_id", "mac_address"]).doNothing())
      .returningAll()
      .executeTakeFirst();
    if (port !== undefined) return port;
    if (wanted.mac_address !== undefined) throw errors.macInUse(wanted.network_id, mac);
  }
  throw errors.macInUse(wanted.network_id, "of sixteen draws");
}

/** Under the prefix that every OpenStack cloud uses. */
function drawMac(tx: Tx): string {
  const digits = newId(tx).replaceAll("-", "").slice(-6);
  return `fa:16:3e:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
}
