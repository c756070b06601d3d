// What can go wrong in compute. Sentences are those that clients of OpenStack know and sometimes read.
import { errorTable } from "@micronova/kit";

export const errors = errorTable("compute", {
  serverNotFound: { status: 404, text: (id: string) => `Instance ${id} could not be found.` },
  serverLocked: { status: 409, text: (id: string) => `Instance ${id} is locked` },
  serverInState: {
    status: 409,
    text: (id: string, action: string, attribute: string, state: string) =>
      `Cannot '${action}' instance ${id} while it is in ${attribute} ${state}`,
  },
  serverNotLaunched: {
    status: 409,
    text: (id: string, action: string) => `Instance ${id} is in an invalid state for '${action}'`,
  },
  serverGoing: { status: 409, text: (id: string) => `Instance ${id} is being deleted` },
  buildLost: {
    status: 500,
    text: (id: string) =>
      `The build of server ${id} was lost and has been taken back; delete it and create it anew.`,
  },
  wasReset: {
    status: 500,
    text: (state: string) => `An administrator set the server's state to ${state}.`,
  },
  guestMissing: {
    status: 500,
    text: (id: string, host: string) =>
      `Host ${host} has no guest of server ${id} any more; its disks are lost.`,
  },
  serverNotReady: { status: 409, text: (id: string) => `Instance ${id} is not ready` },
  markerNotFound: { status: 400, text: (marker: string) => `marker [${marker}] not found` },
  badStatus: { status: 400, text: (status: string) => `Invalid status value: ${status}` },
  badSortKey: { status: 400, text: (key: string) => `Sort key supplied is invalid: ${key}` },
  badTime: { status: 400, text: (name: string) => `Invalid filter field: ${name}.` },
  badBoolean: {
    status: 400,
    text: (value: string) =>
      `Unrecognized value '${value}', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', ` +
      `'true', 'y', 'yes'`,
  },
  allTenantsForbidden: {
    status: 403,
    text: () => "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.",
  },
  onlyAdmin: { status: 403, text: (rule: string) => `Policy doesn't allow ${rule} to be performed.` },

  imageNotFound: { status: 400, text: (id: string) => `Can not find requested image ${id}` },
  imageMissing: { status: 400, text: () => "Invalid imageRef provided." },
  imageNotActive: { status: 400, text: (id: string) => `Image ${id} is not active.` },
  flavorNotFound: { status: 400, text: (id: string) => `Flavor ${id} could not be found.` },
  flavorMemoryTooSmall: {
    status: 400,
    text: () => "Flavor's memory is too small for requested image.",
  },
  flavorDiskTooSmall: {
    status: 400,
    text: (flavorBytes: number, imageBytes: number) =>
      `Flavor's disk is too small for requested image. Flavor disk is ${flavorBytes} bytes, image is ` +
      `${imageBytes} bytes.`,
  },
  flavorDiskBelowMinimum: {
    status: 400,
    text: (flavorBytes: number, minimumBytes: number) =>
      `Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${flavorBytes} ` +
      `bytes, minimum size is ${minimumBytes} bytes.`,
  },
  zeroDiskFlavor: {
    status: 403,
    text: () => "Only volume-backed servers are allowed for flavors with zero disk.",
  },
  keyNotFound: { status: 400, text: (name: string) => `Invalid key_name provided: ${name}.` },
  networkNotFound: { status: 400, text: (id: string) => `Network ${id} could not be found.` },
  networkAmbiguous: {
    status: 409,
    text: () => "Multiple possible networks found, use a Network ID to be more specific.",
  },
  networkExternal: {
    status: 403,
    text: (id: string) => `It is not allowed to create an interface on external network ${id}`,
  },
  networkDuplicated: {
    status: 400,
    text: () => "Bad networks format: network uuid or port is required for each network.",
  },
  portNotFound: { status: 400, text: (id: string) => `Port id ${id} could not be found.` },
  portInUse: { status: 409, text: (id: string) => `Port ${id} is still in use.` },
  portForSeveral: {
    status: 400,
    text: () => "A port cannot be given to more than one server; use a network ID.",
  },
  fixedIpForSeveral: {
    status: 400,
    text: () =>
      "Failed to launch instances: max_count must not be greater than 1 if a fixed IP is specified.",
  },
  fixedIpInUse: {
    status: 400,
    text: (address: string, id: string) =>
      `Fixed IP address ${address} is already in use on instance ${id === "" ? "None" : id}.`,
  },
  securityGroupNotFound: { status: 400, text: (name: string) => `Security group ${name} not found.` },
  securityGroupNotOnServer: {
    status: 404,
    text: (name: string, id: string) => `Security group ${name} not associated with the instance ${id}`,
  },
  userDataMalformed: { status: 400, text: () => "User data needs to be valid base 64." },
  countsReversed: { status: 400, text: () => "min_count must be <= max_count" },
  zoneNotAvailable: {
    status: 400,
    text: (zone: string) => `The requested availability zone is not available: ${zone}`,
  },
  zoneAndHost: {
    status: 400,
    text: () =>
      "Unable to parse availability_zone: a host is given both there and in `host` or `hypervisor_hostname`.",
  },
  hostNotFound: { status: 400, text: (host: string) => `Compute host ${host} could not be found.` },
  blockDeviceInvalid: {
    status: 400,
    text: (why: string) => `Block Device Mapping is Invalid: ${why}.`,
  },
  volumeInvalid: { status: 400, text: (why: string) => `Invalid volume: ${why}` },
  metadataTooMany: {
    status: 403,
    text: (allowed: number) => `Maximum number of metadata items exceeds ${allowed}`,
  },
  metadataItemNotFound: { status: 404, text: () => "Metadata item was not found" },
  metadataKeyMismatch: { status: 400, text: () => "Request body and URI mismatch" },
  quotaExceeded: {
    status: 403,
    text: (resources: string, requested: string, used: string, allowed: string) =>
      `Quota exceeded for ${resources}: Requested ${requested}, but already used ${used} of ${allowed} ${resources}`,
  },
  noSuchGroup: { status: 400, text: (id: string) => `Instance group ${id} could not be found.` },

  volumeNotFound: { status: 404, text: (id: string) => `Volume ${id} could not be found.` },
  volumeNotAttached: {
    status: 404,
    text: (volumeId: string, serverId: string) =>
      `Instance ${serverId} is not attached to volume ${volumeId}.`,
  },
  volumeAlreadyAttached: {
    status: 400,
    text: (volumeId: string, serverId: string) =>
      `Invalid volume: volume ${volumeId} already attached to instance ${serverId}`,
  },
  rootVolume: { status: 400, text: () => "Cannot detach a root device volume" },
  deviceInUse: { status: 409, text: (device: string) => `The supplied device (${device}) is busy.` },
  tooManyDisks: {
    status: 403,
    text: (most: number) =>
      `The maximum allowed number of disk devices (${most}) to attach to a single instance has been exceeded.`,
  },
  interfaceNotFound: {
    status: 404,
    text: (portId: string) => `Port ${portId} is not attached to this server.`,
  },
  interfaceFailed: {
    status: 500,
    text: (why: string) => `Failed to attach network adapter device: ${why}`,
  },
  addressLabelNotFound: { status: 404, text: () => "Instance is not a member of specified network" },
  actionNotFound: {
    status: 404,
    text: (id: string, requestId: string) => `Action for request_id ${requestId} on instance ${id} not found`,
  },
  tagNotFound: {
    status: 404,
    text: (id: string, tag: string) => `Instance ${id} has no tag '${tag}'`,
  },
  tagInvalid: {
    status: 400,
    text: (tag: string) =>
      `Invalid input for field/attribute tag. Value: ${tag}. A tag has 1 to 60 characters, no comma and no slash`,
  },
  tagsTooMany: {
    status: 400,
    text: (most: number) => `The number of tags exceeded the per-server limit ${most}`,
  },
  removed: {
    status: 410,
    text: () => "This resource is no longer available. No forwarding address is given.",
  },
  notSupported: { status: 501, text: (what: string) => `${what} is not supported by this cloud.` },
  passwordTaken: { status: 409, text: () => "The password is already set; clear it first." },

  sameFlavor: { status: 400, text: () => "When resizing, instances must change flavor!" },
  zeroDiskResize: { status: 400, text: () => "Resize to zero disk flavor is not allowed." },
  diskTooSmall: {
    status: 400,
    text: (what: string) => `Server disk was unable to be resized because: ${what} cannot become smaller.`,
  },
  moveToSameHost: {
    status: 400,
    text: (id: string) => `Server ${id} cannot be migrated to the same host where it is running.`,
  },
  hostAway: {
    status: 409,
    text: (host: string) => `Service is unavailable at this time: compute host ${host} is down.`,
  },
  moveRefused: {
    status: 500,
    retriable: true,
    text: (id: string, host: string, why: string) => `Host ${host} could not take instance ${id}: ${why}`,
  },
  copyStays: {
    status: 500,
    retriable: true,
    text: (id: string, host: string, why: string) =>
      `Host ${host} could not remove its copy of instance ${id}: ${why}`,
  },
  migrationNotFound: {
    status: 404,
    text: (number: string, id: string) => `Migration ${number} for server ${id} could not be found.`,
  },
  migrationMissing: { status: 404, text: (id: string) => `Server ${id} has not been resized.` },
  noValidHost: { status: 500, text: (reason: string) => `No valid host was found. ${reason}` },
  candidatesTaken: {
    status: 500,
    retriable: true,
    text: (hosts: number) => `None of ${hosts} hosts had room left when it came to the claim.`,
  },
  retriesExhausted: {
    status: 500,
    text: (id: string, last: string) =>
      "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for instance " +
      `${id}. The last failure: ${last}`,
  },
  buildFailed: {
    status: 500,
    retriable: true,
    text: (id: string, host: string, why: string) => `Build of instance ${id} on host ${host} failed: ${why}`,
  },
});
