// The management API of the cloud's own bus, on the cloud's port: for its administrators, who come with the
// token they have for everything else. They see and change all of it.
import { hostname } from "node:os";
import type { Authenticator } from "@micronova/http";
import {
  type Doorkeeper,
  type ManagementService,
  managementErrors,
  managementService,
} from "@micronova/management";
import type { BrokerInside } from "./bus.ts";

export function busManagement(
  { broker, door, keptIn }: BrokerInside,
  authenticator: Authenticator,
): ManagementService {
  return managementService({
    broker,
    doorkeeper: administratorsOnly(authenticator),
    nodeName: `micronova@${hostname()}`,
    listeners: () => (door === null ? [] : [{ protocol: "amqp", ip_address: door.host, port: door.port }]),
    dataDir: keptIn,
    // Names of queues are names of hosts.
    metrics: "totals",
  });
}

function administratorsOnly(authenticator: Authenticator): Doorkeeper {
  return {
    challenge: null,
    async admit({ headers }) {
      const token = headers["x-auth-token"];
      const context = typeof token === "string" ? await authenticator.authenticate(token) : null;
      if (context === null) throw managementErrors.loginFailed();
      if (!context.isAdmin) throw managementErrors.notAllowed("Not administrator user");
      return {
        name: context.userName ?? "admin",
        tags: ["administrator"],
        mayOpen: () => true,
        may: () => true,
      };
    },
  };
}
