// What can go wrong with flavors, key pairs, quotas, hosts, aggregates and server groups, in Nova's words.
import { errorTable } from "@micronova/kit";

export const resourceErrors = errorTable("compute", {
  flavorMissing: { status: 404, text: (id: string) => `Flavor ${id} could not be found.` },
  flavorExists: { status: 409, text: (name: string) => `Flavor with name ${name} already exists.` },
  flavorIdExists: { status: 409, text: (id: string) => `Flavor with ID ${id} already exists.` },
  badFilter: { status: 400, text: (name: string, value: string) => `Invalid ${name} filter [${value}]` },
  flavorAccessPublic: { status: 409, text: () => "Can not add access to a public flavor." },
  flavorAccessUnlisted: {
    status: 404,
    text: () => "Access list not available for public flavors.",
  },
  flavorAccessExists: {
    status: 409,
    text: (id: string, project: string) =>
      `Flavor access already exists for flavor ${id} and project ${project} combination.`,
  },
  flavorAccessMissing: {
    status: 404,
    text: (id: string, project: string) =>
      `Flavor access not found for flavor ${id} and project ${project} combination.`,
  },
  extraSpecMissing: {
    status: 404,
    text: (id: string, key: string) => `Flavor ${id} has no extra specs with key ${key}.`,
  },
  extraSpecInvalid: {
    status: 400,
    text: (key: string, why: string) => `Validation failed; extra spec '${key}' ${why}`,
  },
  bodyKeyMismatch: { status: 400, text: () => "Request body and URI mismatch" },

  keypairMissing: {
    status: 404,
    text: (name: string, user: string) => `Keypair ${name} not found for user ${user}`,
  },
  keypairExists: { status: 409, text: (name: string) => `Key pair '${name}' already exists.` },
  keypairInvalid: { status: 400, text: (why: string) => `Keypair data is invalid: ${why}` },
  tooManyKeypairs: { status: 403, text: () => "Quota exceeded, too many key pairs." },

  securityGroupMissing: { status: 404, text: (id: string) => `Security group ${id} not found.` },
  consoleUnavailable: { status: 400, text: (type: string) => `Unavailable console type ${type}.` },
  badDatetime: { status: 400, text: (text: string) => `Datetime is in invalid format: ${text}` },
  timesReversed: {
    status: 400,
    text: () => "Invalid start time. The start time cannot occur after the end time.",
  },

  quotaBelowUse: {
    status: 400,
    text: (limit: number, resource: string, used: number) =>
      `Quota limit ${limit} for ${resource} must be greater than or equal to already used and reserved ${used}.`,
  },

  serviceMissing: { status: 404, text: (what: string) => `Compute host ${what} could not be found.` },
  serviceIdMissing: { status: 404, text: (id: string) => `Service ${id} could not be found.` },
  serviceBusy: {
    status: 409,
    text: () =>
      "Unable to delete compute service that is hosting instances. Migrate or delete the instances first.",
  },
  uuidInvalid: { status: 400, text: (value: string) => `Invalid uuid ${value}` },
  reasonMissing: {
    status: 400,
    text: () => "Specifying disabled_reason requires that status is 'disabled'.",
  },
  nothingToChange: {
    status: 400,
    text: () => "No updates were requested. Fields 'status' or 'forced_down' should be specified.",
  },
  hypervisorMissing: {
    status: 404,
    text: (id: string) => `Hypervisor with ID '${id}' could not be found.`,
  },
  noHypervisorMatches: {
    status: 404,
    text: (pattern: string) => `No hypervisor matching '${pattern}' could be found.`,
  },

  aggregateMissing: { status: 404, text: (id: string) => `Aggregate ${id} could not be found.` },
  aggregateExists: { status: 409, text: (name: string) => `Aggregate ${name} already exists.` },
  aggregateHostExists: {
    status: 409,
    text: (id: number, host: string) => `Aggregate ${id} already has host ${host}.`,
  },
  aggregateHostMissing: {
    status: 404,
    text: (id: number, host: string) => `Aggregate ${id} has no host ${host}.`,
  },
  aggregateNotEmpty: {
    status: 400,
    text: (id: number) => `Cannot remove aggregate ${id}: Host aggregate is not empty.`,
  },
  hostInOtherZone: {
    status: 409,
    text: (id: number, host: string, zone: string) =>
      `Cannot perform action on aggregate ${id}. Reason: Host ${host} is already in availability zone ${zone}.`,
  },
  hostHasServers: {
    status: 409,
    text: (id: number, host: string) =>
      `Cannot add host to aggregate ${id}. Reason: Host ${host} contains instances; its zone cannot change.`,
  },
  zoneInUse: {
    status: 400,
    text: (id: number) =>
      `Cannot update aggregate ${id}. Reason: One or more hosts contain instances in this zone.`,
  },

  serverGroupMissing: { status: 404, text: (id: string) => `Instance group ${id} could not be found.` },
  tooManyServerGroups: { status: 403, text: () => "Quota exceeded, too many server groups." },
  rulesNotForPolicy: {
    status: 400,
    text: (policy: string) => `Only anti-affinity policy supports rules, not ${policy}.`,
  },
  extensionMissing: { status: 404, text: () => "The resource could not be found." },
});
