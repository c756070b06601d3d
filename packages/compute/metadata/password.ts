// The guest's password, encrypted by the guest for the user: written once by the guest, read and cleared by
// the API.
import type { Uuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import type { Server } from "../tables.ts";

/** Nova keeps it in four fields of 255 characters. */
export const passwordCharactersMax = 1020;

type SystemMetadata = Record<string, string>;

export function passwordOf(server: Pick<Server, "system_metadata">): string {
  // Written as a JSON object of texts by this package alone.
  return (JSON.parse(server.system_metadata) as SystemMetadata)["password"] ?? "";
}

/** Sets the password, or clears it with an empty text. */
export async function setPassword(
  tx: Tx,
  server: Pick<Server, "id" | "system_metadata">,
  password: string,
): Promise<void> {
  const { password: _old, ...others } = JSON.parse(server.system_metadata) as SystemMetadata;
  const system_metadata = JSON.stringify(password === "" ? others : { ...others, password });
  const serverId: Uuid = server.id;
  await tx.updateTable("servers").set({ system_metadata }).where("id", "=", serverId).execute();
}
