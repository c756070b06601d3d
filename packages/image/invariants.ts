// What must always hold of images, in tests and in production alike.
import type { Invariant, Violation } from "@micronova/store";
import { dataUse, imageStates } from "./states.ts";

export const imageInvariants: readonly Invariant[] = [
  {
    name: "an image with data has its size, checksums, formats and file",
    async find(tx) {
      const withData = imageStates.stable.filter((status) => dataUse[status] !== "none");
      const rows = await tx.selectFrom("images").selectAll().where("status", "in", withData).execute();
      return rows
        .filter((row) =>
          [row.size, row.checksum, row.os_hash_value, row.disk_format, row.path].includes(null),
        )
        .map(({ id, status }) =>
          wrong(id, `Image ${id} is ${status} and lacks part of what describes its data.`),
        );
    },
  },
  {
    name: "exactly the images being uploaded name an upload",
    async find(tx) {
      const rows = await tx.selectFrom("images").selectAll().execute();
      const { from } = imageStates.actions.activate;
      return rows
        .filter(({ status, upload_id }) => from.includes(status) !== (upload_id !== null))
        .map(({ id, status }) =>
          wrong(id, `Image ${id} is ${status} with or without an upload that does not fit.`),
        );
    },
  },
];

function wrong(id: string, text: string): Violation {
  return { text, about: { kind: "image", id } };
}
