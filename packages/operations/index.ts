// What operators need of a running cloud beyond OpenStack's own APIs: the doctor with its repairs, sagas,
// traces, the audit log.
export { type Authority, keepAuthority, knownAuthority } from "./authority.ts";
export { type Checks, examine, mend } from "./doctor.ts";
export { errors as operationsErrors } from "./errors.ts";
export {
  type Admission,
  type Admitted,
  type HostCertificate,
  type HostRole,
  type HostSettings,
  hostRoles,
} from "./hosts.ts";
export { operationsMigrations } from "./migrations.ts";
export { otlpExporter } from "./otlp.ts";
export { type RequestLog, requestLog } from "./request-log.ts";
export { operationsService } from "./service.ts";
export { invariantWatch } from "./watch.ts";
