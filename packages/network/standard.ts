// What every row of Neutron's resources begins with.
import type { Millis, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";

export interface StandardRow {
  readonly id: Uuid;
  readonly project_id: string;
  readonly name: string;
  readonly description: string;
  readonly revision_number: number;
  readonly tags: string;
  readonly created_at: Millis;
  readonly updated_at: Millis;
}

export interface StandardWish {
  readonly id?: Uuid | undefined;
  readonly project_id: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

export function newRow(tx: Tx, wanted: StandardWish): StandardRow {
  const at = now(tx);
  return {
    id: wanted.id ?? newId(tx),
    project_id: wanted.project_id,
    name: wanted.name ?? "",
    description: wanted.description ?? "",
    revision_number: 1,
    tags: JSON.stringify(wanted.tags ?? []),
    created_at: at,
    updated_at: at,
  };
}

/** A boolean as it is stored. */
export const flag = (value: boolean): number => (value ? 1 : 0);
