// Compute: servers and the hosts they run on.

export { computeVersionsService } from "./api/versions-service.ts";
export { conductorService } from "./conductor.ts";
export { type ComputeConfig, computeConfigSchema, computeDefaults } from "./config.ts";
export type { ComputeDeps } from "./deps.ts";
export type { DomainInfo, DomainSpec, HostInventory, VirtDriver } from "./drivers/driver.ts";
export { type FakeDriver, type FakeDriverOptions, fakeDriver } from "./drivers/fake.ts";
export { type QemuDriverOptions, qemuDriver } from "./drivers/qemu/driver.ts";
export { guestUser } from "./drivers/qemu/user.ts";
export { errors as computeErrors } from "./errors.ts";
export { computeInspections } from "./inspections.ts";
export { computeInvariants } from "./invariants.ts";
export { computeMigrations } from "./migrations.ts";
export { computeEvents } from "./notifications.ts";
export { computeRepairs } from "./repairs.ts";
export { computeSagas } from "./sagas/index.ts";
export { schedulerService } from "./scheduler-service.ts";
export { seedCompute } from "./seed.ts";
export { computeRoutes, computeService } from "./service.ts";
export { serverStates, statusOf, statusRules } from "./states.ts";
export { computeWorkerContract } from "./worker/contract.ts";
export { hostIdentity } from "./worker/identity.ts";
export { type HostReporter, hostReporter } from "./worker/reporter.ts";
export { type ComputeWorkerDeps, computeWorker } from "./worker/worker.ts";
