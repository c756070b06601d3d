// Repairs the difference between what a host says of its guests and what the tables say. Power is written
// down, and a server without a task is in the state its guest is in: one that died is STOPPED, and so is an
// action shown that the guest carried out although nobody heard of it. A guest whose server was deleted is
// named.
import type { Millis, Uuid } from "@micronova/kit";
import { now, type Tx } from "@micronova/store";
import type { GuestPower } from "../conductor-contract.ts";
import { isIdle, stateOfPower } from "../states.ts";
import type { Server } from "../tables.ts";

/**
 * A report that is older than the server's last change must not undo it. Reports are not that late; what they
 * say is said again.
 */
const settledAfterMs: Millis = 15_000;

interface PowerNews {
  /** Guests of servers that are deleted. */
  readonly orphans: readonly Uuid[];
  /** Guests on whose servers something is, or was just now, under way. */
  readonly later: readonly Uuid[];
}

/** Guests that no table knows are left alone. */
export async function syncPower(tx: Tx, host: string, guests: readonly GuestPower[]): Promise<PowerNews> {
  const rows = await tx
    .selectFrom("servers")
    .select(["id", "host", "power_state", "vm_state", "task_state", "updated_at", "deleted_at"])
    .where(
      "id",
      "in",
      guests.map(({ serverId }) => serverId),
    )
    .execute();
  const known = new Map(rows.map((row) => [row.id, row]));
  const orphans: Uuid[] = [];
  const later: Uuid[] = [];
  for (const { serverId, powerState } of guests) {
    const row = known.get(serverId);
    if (row === undefined) continue;
    const isSettled = row.host === host && isIdle(row);
    if (row.deleted_at !== null) orphans.push(serverId);
    // A time that is far ahead was written by a wrong clock, and says nothing.
    else if (!isSettled || Math.abs(now(tx) - row.updated_at) < settledAfterMs) later.push(serverId);
    else await notePower(tx, row, powerState);
  }
  return { orphans, later };
}

async function notePower(
  tx: Tx,
  { id, power_state, vm_state }: Pick<Server, "id" | "power_state" | "vm_state">,
  powerState: number,
): Promise<void> {
  const rule = stateOfPower[powerState];
  const move = rule?.from.includes(vm_state) === true ? { vm_state: rule.to, updated_at: now(tx) } : null;
  // As it nearly always is.
  if (power_state === powerState && move === null) return;
  await tx
    .updateTable("servers")
    .set({ ...move, power_state: powerState })
    .where("id", "=", id)
    .execute();
}
