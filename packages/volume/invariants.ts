// What always holds of volumes, each a query that answers the violations: tests, the simulator and a running
// cloud ask the same.
import type { Tx } from "@micronova/store";
import { attachedStatuses, volumeStatusOf } from "./states.ts";

export interface Invariant {
  readonly name: string;
  find(tx: Tx): Promise<string[]>;
}

export const volumeInvariants: readonly Invariant[] = [
  {
    name: "every attachment has a living volume",
    async find(tx) {
      const rows = await tx
        .selectFrom("volume_attachments")
        .leftJoin("volumes", "volumes.id", "volume_attachments.volume_id")
        .select(["volume_attachments.id", "volume_attachments.volume_id"])
        .where("volumes.id", "is", null)
        .execute();
      return rows.map(
        ({ id, volume_id }) => `Attachment ${id} is of volume ${volume_id}, which does not exist.`,
      );
    },
  },
  {
    name: "a volume's status says what its attachment is",
    async find(tx) {
      const rows = await tx
        .selectFrom("volume_attachments")
        .innerJoin("volumes", "volumes.id", "volume_attachments.volume_id")
        .select(["volumes.id", "volumes.status", "volume_attachments.attach_status"])
        .execute();
      return rows
        .filter(({ status, attach_status }) => volumeStatusOf[attach_status] !== status)
        .map(
          ({ id, status, attach_status }) => `Volume ${id} is ${status}, its attachment is ${attach_status}.`,
        );
    },
  },
  {
    name: "a volume that is said to be attached has an attachment",
    async find(tx) {
      const rows = await tx
        .selectFrom("volumes")
        .leftJoin("volume_attachments", "volume_attachments.volume_id", "volumes.id")
        .select(["volumes.id", "volumes.status"])
        .where("volumes.status", "in", attachedStatuses)
        .where("volume_attachments.id", "is", null)
        .execute();
      return rows.map(({ id, status }) => `Volume ${id} is ${status} without an attachment.`);
    },
  },
];

/** Holds when nothing runs: no volume is in the midst of anything. */
export const quietVolumeInvariants: readonly Invariant[] = [
  {
    name: "no volume is in the midst of an action",
    async find(tx) {
      const rows = await tx
        .selectFrom("volumes")
        .select(["id", "status"])
        .where("status", "in", ["creating", "deleting", "extending", "attaching", "detaching"])
        .execute();
      return rows.map(({ id, status }) => `Volume ${id} is still ${status}.`);
    },
  },
];
