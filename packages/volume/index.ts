// Volumes: block storage that outlives the servers it is attached to.
export type { Initiator, PoolCapacity, VolumeConnection, VolumeDriver } from "./drivers/driver.ts";
export { fakeVolumeDriver } from "./drivers/fake.ts";
export { fileVolumeDriver } from "./drivers/file.ts";
export { lvmVolumeDriver } from "./drivers/lvm/driver.ts";
export { lvmUnavailable } from "./drivers/lvm/probe.ts";
