// What a fresh cloud has of compute's: the usual flavors.
import type { Tx } from "@micronova/store";
import { seedFlavors } from "./flavors.ts";

export async function seedCompute(tx: Tx): Promise<void> {
  await seedFlavors(tx);
}
