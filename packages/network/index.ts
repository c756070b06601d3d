// Networks: addresses, ports, security groups and routers, and what each host does for them.
import { lacksMetadata } from "./agents.ts";
import { recordPlugs } from "./bindings.ts";
import { getNetwork, usableNetworks, visibleNetworks } from "./networks.ts";
import {
  bindPort,
  boundServerPorts,
  createServerPort,
  findPort,
  getPort,
  portsOfServer,
  removePort,
  unbindPort,
  updatePort,
} from "./ports.ts";
import { visibleRules } from "./security-group-rules.ts";
import {
  ensureDefaultGroup,
  getGroup,
  groupsOfPorts,
  namedGroup,
  resolveGroups,
  visibleGroups,
} from "./security-groups.ts";

/** What compute asks about networks. */
export const networks = { get: getNetwork, usableBy: usableNetworks, visible: visibleNetworks };
/** What compute does with the ports of servers. */
export const ports = {
  create: createServerPort,
  find: findPort,
  get: getPort,
  ofServer: portsOfServer,
  bind: bindPort,
  unbind: unbindPort,
  update: updatePort,
  plugged: recordPlugs,
  remove: removePort,
};
export { boundServerPorts };
export const networkHosts = { lackMetadata: lacksMetadata };
export const securityGroups = {
  resolve: resolveGroups,
  named: namedGroup,
  ensureDefault: ensureDefaultGroup,
  ofPorts: groupsOfPorts,
  get: getGroup,
  visible: visibleGroups,
  rules: visibleRules,
};

export type { PluggedPort } from "./bindings.ts";

export type { NetworkDeps } from "./deps.ts";
export type {
  HostNetwork,
  MetadataEndpoint,
  NetworkSpec,
  Plug,
  PortSpec,
  SecurityRule,
  SubnetSpec,
} from "./drivers/driver.ts";
export { errors as networkErrors } from "./errors.ts";
export * from "./host.ts";
export { networkInvariants } from "./invariants.ts";
export { networkMigrations } from "./migrations.ts";
export { type NetworkReportsDeps, networkReports } from "./network-reports.ts";
export { hostNetwork, portSpec, portSpecs } from "./port-specs.ts";
export type { Binding, NewServerPort } from "./ports.ts";
export { defaultCidr, type NetworkSeed, seedNetwork } from "./seed.ts";
export {
  deviceAtAddress,
  findServerByAddress,
  type ServerAddress,
  serverAddresses,
} from "./server-addresses.ts";
export { networkService } from "./service.ts";
export type { Network, Port, SecurityGroup, SecurityGroupRule, Subnet } from "./tables.ts";
export {
  type MetadataRequest,
  type MetadataResponse,
  metadataContract,
  networkWorkerContract,
} from "./worker/contract.ts";
