// What a fresh cloud has of volumes: one type, which is the default. Safe to repeat.
import type { Tx } from "@micronova/store";
import { defaultTypeName, volumeTypes } from "./types.ts";

export async function seedVolume(tx: Tx): Promise<void> {
  const existing = await tx
    .selectFrom("volume_types")
    .select("id")
    .where("name", "=", defaultTypeName)
    .executeTakeFirst();
  if (existing !== undefined) return;
  await volumeTypes.create(tx, { name: defaultTypeName, description: "Default Volume Type" });
}
