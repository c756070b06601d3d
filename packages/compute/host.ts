// The door for hosts: the worker and its drivers, without the tables and the API.

export type { VirtDriver } from "./drivers/driver.ts";
export { type FakeDriver, type FakeDriverOptions, fakeDriver } from "./drivers/fake.ts";
export { type QemuDriverOptions, qemuDriver } from "./drivers/qemu/driver.ts";
export { guestUser } from "./drivers/qemu/user.ts";
export { hostIdentity } from "./worker/identity.ts";
export { type HostReporter, hostReporter } from "./worker/reporter.ts";
export { type ComputeWorkerDeps, computeWorker } from "./worker/worker.ts";
