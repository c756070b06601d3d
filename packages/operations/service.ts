// What operators ask a running cloud: its doctor, its sagas, its audit log, its traces. Mounted under `/operations/v1`;
// OpenStack has no word for it, so the catalog does not name it.

import type { Faults } from "@micronova/faults";
import {
  type Authenticator,
  type HttpService,
  keystoneDialect,
  type Policies,
  service,
} from "@micronova/http";
import { listAudit } from "./api/audit.ts";
import { showDoctor, startRepairs } from "./api/doctor.ts";
import { addFaults, clearFaults, listFaults, removeFault, showFaultLog } from "./api/faults.ts";
import { createToken, joinOne, listJoined, removeJoined } from "./api/hosts.ts";
import { abandonOne, listAll, retryOne, showOne } from "./api/sagas.ts";
import { showTrace } from "./api/traces.ts";
import type { DoctorDeps } from "./doctor.ts";
import type { Admission } from "./hosts.ts";

export interface OperationsDeps extends DoctorDeps {
  readonly authenticator: Authenticator;
  /** There in a cloud that was started to fail on purpose. */
  readonly faults?: Faults;
  /** How hosts are let in; null for a cloud that has no bus for others. */
  readonly admission: Admission | null;
}

const policies: Policies = {
  "operations:doctor:show": "admin",
  "operations:doctor:repair": "admin",
  "operations:sagas:list": "admin",
  "operations:sagas:show": "admin",
  "operations:sagas:retry": "admin",
  "operations:sagas:abandon": "admin",
  "operations:audit:list": "admin",
  "operations:traces:show": "admin",
  "operations:hosts:list": "admin",
  "operations:hosts:token": "admin",
  "operations:hosts:remove": "admin",
  "operations:faults:list": "admin",
  "operations:faults:add": "admin",
  "operations:faults:remove": "admin",
};

export function operationsService(deps: OperationsDeps): HttpService {
  return service<OperationsDeps>({
    name: "operations",
    routes: [
      ...[showDoctor, startRepairs, listAll, showOne, retryOne, abandonOne, listAudit, showTrace],
      ...[listJoined, createToken, joinOne, removeJoined],
      ...[listFaults, addFaults, removeFault, clearFaults, showFaultLog],
    ],
    deps,
    policies,
    dialect: keystoneDialect,
    authenticator: deps.authenticator,
  });
}
