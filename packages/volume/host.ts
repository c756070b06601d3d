// The door for hosts: the worker and its drivers, without the tables and the API.
export type { LocalVolumeDriver, VolumeDriver } from "./drivers/driver.ts";
export { type FakeVolumeDriver, fakeVolumeDriver } from "./drivers/fake.ts";
export { fileVolumeDriver } from "./drivers/file.ts";
export { lvmVolumeDriver } from "./drivers/lvm/driver.ts";
export { lvmUnavailable } from "./drivers/lvm/probe.ts";
export { reachable as reachableVolumes } from "./drivers/nbd/reachable.ts";
export { type VolumeWorker, volumeWorker } from "./worker/worker.ts";
