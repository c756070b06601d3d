// How what is wrong with volumes is mended.
import { audit, type Repair, type Repairs } from "@micronova/saga";
import { wasOurs } from "./inspections.ts";
import { volumeDelete } from "./sagas/volume-delete.ts";
import { volumeExtend } from "./sagas/volume-extend.ts";
import { volumeOrphanDelete } from "./sagas/volume-orphan-delete.ts";
import { volumeUncreate } from "./sagas/volume-uncreate.ts";
import { volumes } from "./volumes.ts";

/** What nobody goes on with is begun again; a creation is taken back, since its source is unknown. */
const finishTransit: Repair = {
  what: "Begins the deletion or extension again; a creation is taken back, and the volume shows an error.",
  isAutomatic: true,
  async start(tx, { sagas, request }, { about }) {
    const volume = await volumes.byId(tx, about.id);
    const options = { subject: { kind: "volume", id: about.id }, request };
    const volumeId = about.id;
    switch (volume?.status) {
      case "deleting":
        return sagas.start(tx, volumeDelete, { volumeId }, options);
      case "extending": {
        const sizeGb = volume.new_size ?? volume.size;
        return sagas.start(tx, volumeExtend, { volumeId, sizeGb }, options);
      }
      case "creating":
        return sagas.start(tx, volumeUncreate, { volumeId }, options);
      default:
        return null;
    }
  },
};

const wipeOrphan: Repair = {
  what: "Wipes the bytes, if the log of sagas proves that this cloud made the volume.",
  isAutomatic: false,
  async start(tx, { sagas, request }, { about, text }) {
    const { host } = about;
    const volumeId = about.id;
    if (host === undefined || (await volumes.byId(tx, volumeId))?.host === host) return null;
    if (!(await wasOurs(tx, volumeId))) return null;
    const reason = `${text} The log of its sagas says that it was this cloud's.`;
    await audit(tx, request, { action: "volume-orphan-delete", about, reason });
    return sagas.start(
      tx,
      volumeOrphanDelete,
      { volumeId, host },
      { subject: { kind: "volume", id: volumeId }, request },
    );
  },
};

export const volumeRepairs: Repairs = {
  "no volume is in the midst of an action": finishTransit,
  "a host has no bytes of volumes that are gone": wipeOrphan,
};
