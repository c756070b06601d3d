// What can go wrong with networks, in Neutron's words. `type` is the exception's name, which clients compare.
import { errorTable } from "@micronova/kit";

/** Neutron's sentence for what is not found. */
const notFound = (type: string, noun: string) => ({
  status: 404,
  type,
  text: (id: string) => `${noun} ${id} could not be found.`,
});

export const errors = errorTable("network", {
  networkNotFound: notFound("NetworkNotFound", "Network"),
  subnetNotFound: notFound("SubnetNotFound", "Subnet"),
  portNotFound: notFound("PortNotFound", "Port"),
  routerNotFound: notFound("RouterNotFound", "Router"),
  groupNotFound: {
    status: 404,
    type: "SecurityGroupNotFound",
    text: (id: string) => `Security group ${id} does not exist`,
  },
  ruleNotFound: {
    status: 404,
    type: "SecurityGroupRuleNotFound",
    text: (id: string) => `Security group rule ${id} does not exist`,
  },
  agentNotFound: notFound("AgentNotFound", "Agent"),
  floatingIpNotFound: notFound("FloatingIPNotFound", "Floating IP"),
  extensionNotFound: {
    status: 404,
    type: "ExtensionsNotFound",
    text: (alias: string) => `Extensions not found: ['${alias}'].`,
  },
  tagNotFound: { status: 404, type: "TagNotFound", text: (tag: string) => `Tag ${tag} could not be found.` },
  interfaceNotFound: {
    status: 404,
    type: "RouterInterfaceNotFoundForSubnet",
    text: (router: string, subnet: string) => `Router ${router} has no interface on subnet ${subnet}`,
  },

  badRequest: { status: 400, type: "HTTPBadRequest", text: (why: string) => why },
  invalidInput: {
    status: 400,
    type: "InvalidInput",
    text: (why: string) => `Invalid input for operation: ${why}.`,
  },
  badPool: {
    status: 400,
    type: "InvalidAllocationPool",
    text: (pool: string) => `The allocation pool ${pool} is not valid.`,
  },
  poolOutOfBounds: {
    status: 400,
    type: "OutOfBoundsAllocationPool",
    text: (pool: string, cidr: string) => `The allocation pool ${pool} spans beyond the subnet cidr ${cidr}.`,
  },
  poolsOverlap: {
    status: 409,
    type: "OverlappingAllocationPools",
    text: (one: string, other: string, cidr: string) =>
      `Found overlapping allocation pools: ${one} ${other} for subnet ${cidr}.`,
  },
  gatewayInPool: {
    status: 409,
    type: "GatewayConflictWithAllocationPools",
    text: (pool: string, gateway: string) => `Gateway ip ${gateway} conflicts with allocation pool ${pool}.`,
  },
  gatewayInUse: {
    status: 409,
    type: "GatewayIpInUse",
    text: (gateway: string, port: string) =>
      `Current gateway ip ${gateway} already in use by port ${port}. Unable to update.`,
  },
  addressNotOnNetwork: {
    status: 400,
    type: "InvalidIpForNetwork",
    text: (address: string) =>
      `IP address ${address} is not a valid IP for any of the subnets on the specified network.`,
  },
  addressNotOnSubnet: {
    status: 400,
    type: "InvalidIpForSubnet",
    text: (address: string) => `IP address ${address} is not a valid IP for the specified subnet.`,
  },
  subnetNotOnNetwork: {
    status: 400,
    type: "InvalidInput",
    text: (subnet: string, network: string) =>
      `Invalid input for operation: Failed to create port on network ${network}, because fixed_ips included invalid subnet ${subnet}.`,
  },

  addressInUse: {
    status: 409,
    type: "IpAddressInUse",
    text: (network: string, address: string) =>
      `Unable to complete operation for network ${network}. The IP address ${address} is in use.`,
  },
  addressAllocated: {
    status: 409,
    type: "IpAddressAlreadyAllocated",
    text: (address: string, subnet: string) => `IP address ${address} already allocated in subnet ${subnet}`,
  },
  noMoreAddresses: {
    status: 409,
    type: "IpAddressGenerationFailure",
    text: (network: string) => `No more IP addresses available on network ${network}.`,
  },
  macInUse: {
    status: 409,
    type: "MacAddressInUse",
    text: (network: string, mac: string) =>
      `Unable to complete operation for network ${network}. The mac address ${mac} is in use.`,
  },
  tunnelIdInUse: {
    status: 409,
    type: "TunnelIdInUse",
    text: (id: number) => `Unable to create the network. The tunnel ID ${id} is in use.`,
  },
  noTunnelId: {
    status: 503,
    type: "NoNetworkAvailable",
    text: () => "Unable to create the network. No tenant network is available for allocation.",
  },
  networkInUse: {
    status: 409,
    type: "NetworkInUse",
    text: (id: string) =>
      `Unable to complete operation on network ${id}. There are one or more ports still in use on the network.`,
  },
  externalInUse: {
    status: 409,
    type: "ExternalNetworkInUse",
    text: (id: string) =>
      `External network ${id} cannot be updated to be made non-external, since it has existing gateway ports.`,
  },
  invalidShared: {
    status: 409,
    type: "InvalidSharedSetting",
    text: (network: string) =>
      `Unable to reconfigure sharing settings for network ${network}. Multiple tenants are using it.`,
  },
  subnetInUse: {
    status: 409,
    type: "SubnetInUse",
    text: (id: string) =>
      `Unable to complete operation on subnet ${id}: One or more ports have an IP allocation from this subnet.`,
  },
  portServesNetwork: {
    status: 409,
    type: "ServicePortInUse",
    text: (id: string, owner: string) =>
      `Port ${id} cannot be deleted directly via the port API: has device owner ${owner}.`,
  },
  deviceNotOwned: {
    status: 409,
    type: "DeviceIDNotOwnedByTenant",
    text: (device: string) =>
      `The following device_id ${device} is not owned by your tenant or matches another tenants router.`,
  },
  portBound: {
    status: 409,
    type: "PortBound",
    text: (id: string, mac: string, wanted: string) =>
      `Unable to complete operation on port ${id}, port is already bound, port type: tap, old_mac ${mac}, new_mac ${wanted}.`,
  },
  groupNeedsSecurity: {
    status: 400,
    type: "PortSecurityAndIPRequiredForSecurityGroups",
    text: () =>
      "Port security must be enabled and port must have an IP address in order to use security groups.",
  },
  groupInUse: {
    status: 409,
    type: "SecurityGroupInUse",
    text: (id: string) => `Security Group ${id} in use.`,
  },
  defaultGroupStays: {
    status: 409,
    type: "SecurityGroupCannotRemoveDefault",
    text: () => "Insufficient rights for removing default security group.",
  },
  defaultGroupKeepsName: {
    status: 409,
    type: "SecurityGroupCannotUpdateDefault",
    text: () => "Updating default security group not allowed.",
  },
  defaultGroupExists: {
    status: 409,
    type: "SecurityGroupDefaultAlreadyExists",
    text: () => "Default security group already exists.",
  },
  ruleExists: {
    status: 409,
    type: "SecurityGroupRuleExists",
    text: (id: string) => `Security group rule already exists. Rule id is ${id}.`,
  },
  rulePortRange: {
    status: 400,
    type: "SecurityGroupInvalidPortRange",
    text: () => "For TCP/UDP protocols, port_range_min must be <= port_range_max",
  },
  rulePortValue: {
    status: 400,
    type: "SecurityGroupInvalidPortValue",
    text: (port: number) => `Invalid value for port ${port}`,
  },
  ruleProtocol: {
    status: 400,
    type: "SecurityGroupRuleInvalidProtocol",
    text: (protocol: string) =>
      `Security group rule protocol ${protocol} not supported. Only protocol values [None, 'ah', 'any', 'dccp', 'egp', 'esp', 'gre', 'icmp', 'icmpv6', 'igmp', 'ipip', 'ipv6-encap', 'ipv6-frag', 'ipv6-icmp', 'ipv6-nonxt', 'ipv6-opts', 'ipv6-route', 'ospf', 'pgm', 'rsvp', 'sctp', 'tcp', 'udp', 'udplite', 'vrrp'] and integer representations [0 to 255] are supported.`,
  },
  ruleNeedsProtocol: {
    status: 400,
    type: "SecurityGroupProtocolRequiredWithPorts",
    text: () => "Must also specify protocol if port range is given.",
  },
  rulePortsNotAllowed: {
    status: 400,
    type: "SecurityGroupInvalidProtocolForPort",
    text: (protocol: string) =>
      `Ports cannot be specified for protocol ${protocol}. Ports are only supported for dccp, sctp, tcp, udp and udplite.`,
  },
  ruleIcmpValue: {
    status: 400,
    type: "SecurityGroupInvalidIcmpValue",
    text: (field: string, attribute: string, value: number) =>
      `Invalid value for ICMP ${field} (${attribute}) ${value}. It must be 0 to 255.`,
  },
  ruleIcmpType: {
    status: 400,
    type: "SecurityGroupMissingIcmpType",
    text: (value: number) =>
      `ICMP code (port-range-max) ${value} is provided but ICMP type (port-range-min) is missing.`,
  },
  ruleTwoRemotes: {
    status: 400,
    type: "SecurityGroupMultipleRemoteEntites",
    text: () => "Only remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
  },
  ruleConflict: {
    status: 400,
    type: "SecurityGroupRuleParameterConflict",
    text: (ethertype: string, cidr: string) => `Conflicting value ethertype ${ethertype} for CIDR ${cidr}`,
  },
  routerInUse: {
    status: 409,
    type: "RouterInUse",
    text: (id: string) => `Router ${id} still has ports`,
  },
  notExternal: {
    status: 400,
    type: "BadRequest",
    text: (id: string) => `Bad router request: Network ${id} is not an external network.`,
  },
  badRouterRequest: {
    status: 400,
    type: "BadRequest",
    text: (why: string) => `Bad router request: ${why}.`,
  },
  overQuota: {
    status: 409,
    type: "OverQuota",
    text: (resource: string) => `Quota exceeded for resources: ['${resource}'].`,
  },
  badQuota: {
    status: 400,
    type: "HTTPBadRequest",
    text: (resource: string) =>
      `Invalid input for ${resource}. Reason: it must be a whole number, -1 or more.`,
  },
  notAllowed: {
    status: 403,
    type: "PolicyNotAuthorized",
    text: (rule: string) => `(rule:${rule}) is disallowed by policy`,
  },
  staleRevision: {
    status: 412,
    type: "RevisionNumberConstraintFailed",
    text: (wanted: string, found: number) => `Constrained to ${wanted}, but current revision is ${found}`,
  },
  noFloatingIps: {
    status: 501,
    type: "HTTPNotImplemented",
    text: () =>
      "Floating IPs are not supported by this cloud yet; this machine reaches servers at their fixed addresses.",
  },
  noIpv6: {
    status: 501,
    type: "HTTPNotImplemented",
    text: () => "IPv6 subnets are not supported by this cloud yet.",
  },
  notSupported: {
    status: 501,
    type: "HTTPNotImplemented",
    text: (what: string) => `${what} is not supported by this cloud yet.`,
  },
});
