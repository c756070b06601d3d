// Gathers, with one query a table, what the views of volumes need from other tables.
import type { Tx } from "@micronova/store";
import { attachmentsOf } from "../attachments.ts";
import type { Volume } from "../tables.ts";
import type { VolumeDetails } from "./views/volumes.ts";

export async function detailsOf(tx: Tx, found: readonly Volume[]): Promise<VolumeDetails[]> {
  const ids = found.map(({ id }) => id);
  const attachments = Map.groupBy(await attachmentsOf(tx, ids), ({ volume_id }) => volume_id);
  const types = await tx.selectFrom("volume_types").select(["id", "name"]).execute();
  const names = new Map(types.map(({ id, name }) => [id, name]));
  return found.map((volume) => ({
    volume,
    attachments: attachments.get(volume.id) ?? [],
    typeName: names.get(volume.volume_type_id) ?? "",
  }));
}
