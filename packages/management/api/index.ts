// Every route of the API.
import type { Route } from "../routes.ts";
import { bindingRoutes } from "./bindings.ts";
import { channelRoutes } from "./channels.ts";
import { connectionRoutes } from "./connections.ts";
import { consumerRoutes } from "./consumers.ts";
import { definitionRoutes } from "./definitions.ts";
import { exchangeRoutes } from "./exchanges.ts";
import { healthRoutes } from "./health.ts";
import { hostRoutes } from "./hosts.ts";
import { messageRoutes } from "./messages.ts";
import { overviewRoutes } from "./overview.ts";
import { parameterRoutes } from "./parameters.ts";
import { policyRoutes } from "./policies.ts";
import { queueRoutes } from "./queues.ts";
import { userRoutes } from "./users.ts";

export const routes: readonly Route[] = [
  ...overviewRoutes,
  ...hostRoutes,
  ...userRoutes,
  ...connectionRoutes,
  ...channelRoutes,
  ...consumerRoutes,
  ...exchangeRoutes,
  ...queueRoutes,
  ...bindingRoutes,
  ...messageRoutes,
  ...definitionRoutes,
  ...healthRoutes,
  ...policyRoutes,
  ...parameterRoutes,
];
