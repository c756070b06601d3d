// What always holds of volumes, each a query that answers the violations: tests, the simulator and a running
// cloud ask the same.
import { type Invariant, sql, type Violation } from "@micronova/store";
import { attachedStatuses, type VolumeStatus, volumeStatusOf } from "./states.ts";

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
      return rows.map(({ id, volume_id }) =>
        wrong(volume_id, `Attachment ${id} is of volume ${volume_id}, which does not exist.`),
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
        .map(({ id, status, attach_status }) =>
          wrong(id, `Volume ${id} is ${status}, its attachment is ${attach_status}.`),
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
      return rows.map(({ id, status }) => wrong(id, `Volume ${id} is ${status} without an attachment.`));
    },
  },
  {
    name: "a volume has one writer, unless it is made for several",
    async find(tx) {
      const rows = await tx
        .selectFrom("volume_attachments")
        .innerJoin("volumes", "volumes.id", "volume_attachments.volume_id")
        .select(["volumes.id", sql<number>`COUNT(*)`.as("writers")])
        .where("volumes.multiattach", "=", 0)
        .groupBy("volumes.id")
        .having(sql<number>`COUNT(*)`, ">", 1)
        .execute();
      return rows.map(({ id, writers }) => wrong(id, `Volume ${id} is attached ${writers} times.`));
    },
  },
];

/** The statuses of a volume that its own sagas work on; attachments are their servers' sagas' business. */
const ownTransits: readonly VolumeStatus[] = ["creating", "deleting", "extending"];

/** Holds when nothing runs: no volume is in the midst of anything. */
export const quietVolumeInvariants: readonly Invariant[] = [
  {
    name: "no volume is in the midst of an action",
    async find(tx) {
      const rows = await tx
        .selectFrom("volumes")
        .select(["id", "status"])
        .where("status", "in", ownTransits)
        .execute();
      return rows.map(({ id, status }) => wrong(id, `Volume ${id} is still ${status}.`));
    },
  },
  {
    name: "no volume is on its way to a server, or back",
    async find(tx) {
      const rows = await tx
        .selectFrom("volume_attachments")
        .selectAll()
        .where("attach_status", "!=", "attached")
        .where("owner", "=", "compute")
        .execute();
      return rows.map(({ volume_id, server_id, attach_status }) => ({
        text: `Volume ${volume_id} is ${attach_status} for server ${server_id}.`,
        about: { kind: "server", id: server_id ?? "" },
      }));
    },
  },
];

function wrong(id: string, text: string): Violation {
  return { text, about: { kind: "volume", id } };
}
