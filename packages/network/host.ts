// The door for hosts: the worker and its drivers, without the tables and the API.
export type { NetworkDriver } from "./drivers/driver.ts";
export { fakeNetworkDriver } from "./drivers/fake.ts";
export { type LinuxNetworkOptions, linuxNetworkDriver } from "./drivers/linux/driver.ts";
export { type UserNetworkOptions, userNetworkDriver } from "./drivers/user.ts";
export { neighbourNetwork } from "./worker/neighbour.ts";
export { type NetworkWorkerDeps, networkWorker } from "./worker/worker.ts";
