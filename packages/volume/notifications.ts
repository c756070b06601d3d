// What the volume service tells of its volumes, by the names Cinder's notifications have.
import type { SagaEvents } from "@micronova/saga";

export const volumeEvents: SagaEvents = {
  subjectKey: "volume_id",
  types: {
    "volume-create": "volume.create",
    "volume-delete": "volume.delete",
    "volume-extend": "volume.resize",
  },
};
