// Repairs the difference between what a host says of its guests and what the tables say: power is written
// down, a guest that died behind our back is STOPPED, and a guest whose server was deleted is named.
import type { Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import type { GuestPower } from "../conductor-contract.ts";
import { stateOfPower } from "../states.ts";

/**
 * Answers the guests that must not be: their server is deleted. Guests that no table knows are left alone.
 */
export async function syncPower(tx: Tx, host: string, guests: readonly GuestPower[]): Promise<Uuid[]> {
  const rows = await tx
    .selectFrom("servers")
    .select(["id", "host", "power_state", "deleted_at"])
    .where(
      "id",
      "in",
      guests.map(({ serverId }) => serverId),
    )
    .execute();
  const known = new Map(rows.map((row) => [row.id, row]));
  const orphans: Uuid[] = [];
  for (const { serverId, powerState } of guests) {
    const row = known.get(serverId);
    if (row === undefined) continue;
    if (row.deleted_at !== null) orphans.push(serverId);
    else if (row.host === host && row.power_state !== powerState) await notePower(tx, serverId, powerState);
  }
  return orphans;
}

async function notePower(tx: Tx, serverId: Uuid, powerState: number): Promise<void> {
  const rule = stateOfPower[powerState];
  const idle = tx
    .updateTable("servers")
    .where("id", "=", serverId)
    .where("task_state", "is", null)
    .where("deleted_at", "is", null);
  await idle.set({ power_state: powerState }).execute();
  if (rule === undefined) return;
  await idle
    .set({ vm_state: rule.to, updated_at: now(tx) })
    .where("vm_state", "in", rule.from)
    .execute();
}
