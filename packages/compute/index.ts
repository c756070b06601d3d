// Compute: servers and the hosts they run on.

export { computeVersionsService } from "./api/versions-service.ts";
export { conductorService } from "./conductor.ts";
export { type ComputeConfig, computeConfigSchema, computeDefaults } from "./config.ts";
export type { ComputeDeps } from "./deps.ts";
export type { DomainInfo, DomainSpec, HostInventory } from "./drivers/driver.ts";
export { errors as computeErrors } from "./errors.ts";
export * from "./host.ts";
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
