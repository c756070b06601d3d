// Volumes: block storage that outlives the servers it is attached to.
import type { AnySaga } from "@micronova/saga";
import { volumeCreate } from "./sagas/volume-create.ts";
import { volumeDelete } from "./sagas/volume-delete.ts";
import { volumeExtend } from "./sagas/volume-extend.ts";
import { volumeOrphanDelete } from "./sagas/volume-orphan-delete.ts";
import { volumeUncreate } from "./sagas/volume-uncreate.ts";

export {
  attachmentsOf,
  beginDetach,
  carryAttachments,
  completeAttachment,
  findAttachment,
  type NewAttachment,
  removeAttachment,
  reserveAttachment,
  rollDetach,
  serverAttachments,
} from "./attachments.ts";
export type { VolumeDeps } from "./deps.ts";
export type { Initiator, PoolCapacity, VolumeConnection } from "./drivers/driver.ts";
export { errors as volumeErrors } from "./errors.ts";
export * from "./host.ts";
export { volumeInspections } from "./inspections.ts";
export { quietVolumeInvariants, volumeInvariants } from "./invariants.ts";
export { volumeMigrations } from "./migrations.ts";
export { volumeEvents } from "./notifications.ts";
export { volumeRepairs } from "./repairs.ts";
export { seedVolume } from "./seed.ts";
export { volumeService, volumeVersionsService } from "./service.ts";
export { volumeStates } from "./states.ts";
export type { Volume, VolumeAttachment, VolumeType } from "./tables.ts";
export { volumeReports } from "./volume-reports.ts";
export { type NewVolume, volumes } from "./volumes.ts";
export { volumeWorkerContract } from "./worker/contract.ts";

export const volumeSagas: AnySaga[] = [
  volumeCreate,
  volumeDelete,
  volumeExtend,
  volumeUncreate,
  volumeOrphanDelete,
];
