// RabbitMQ's management API over the embedded broker, and its metrics.
export { basicAuth, type Caller, type Doorkeeper, keyAuth } from "./caller.ts";
export { managementErrors } from "./errors.ts";
export type { Listener } from "./node.ts";
export { type ManagementOptions, type ManagementService, managementService } from "./service.ts";
