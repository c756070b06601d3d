// What placement refuses, in its own sentences. `type` is the code that clients read from version 1.23 on.
import { errorTable } from "@micronova/kit";

const concurrentUpdate = "placement.concurrent_update";

export const placementErrors = errorTable("placement", {
  providerNotFound: {
    status: 404,
    type: "placement.resource_provider.not_found",
    text: (id: string) => `No resource provider with uuid ${id} found`,
  },
  providerNameTaken: {
    status: 409,
    type: "placement.duplicate_name",
    text: (name: string) => `Conflicting resource provider name: ${name} already exists.`,
  },
  providerIdTaken: {
    status: 409,
    type: "placement.duplicate_name",
    text: (id: string) => `Conflicting resource provider uuid: ${id} already exists.`,
  },
  providerInUse: {
    status: 409,
    type: "placement.resource_provider.inuse",
    text: (id: string) => `Unable to delete resource provider ${id}: Resource provider has allocations.`,
  },
  providerHasChildren: {
    status: 409,
    type: "placement.resource_provider.cannot_delete_parent",
    text: (id: string) => `Unable to delete parent resource provider ${id}: It has child resource providers.`,
  },
  parentNotFound: {
    status: 400,
    text: (id: string) =>
      `Unable to create or save resource provider: parent provider UUID ${id} does not exist.`,
  },
  parentLoops: {
    status: 400,
    text: (id: string) =>
      `creating loop in the provider tree is not allowed: resource provider ${id} is below itself.`,
  },
  parentFixed: {
    status: 400,
    text: (id: string) =>
      `Unable to create or save resource provider ${id}: re-parenting a provider is not currently allowed.`,
  },
  generationConflict: {
    status: 409,
    type: concurrentUpdate,
    text: () => "resource provider generation conflict",
  },
  classNotFound: { status: 404, text: (name: string) => `No such resource class ${name}` },
  classUnknown: { status: 400, text: (name: string) => `No such resource class ${name}.` },
  classExists: {
    status: 409,
    text: (name: string) => `Conflicting resource class already exists: ${name}`,
  },
  classStandard: {
    status: 400,
    text: (name: string) => `Cannot delete standard resource class ${name}`,
  },
  classNotCustom: {
    status: 400,
    text: (name: string) =>
      `Resource classes of one's own are named CUSTOM_ and capitals, digits and underscores; '${name}' is not.`,
  },
  classInUse: { status: 409, text: (name: string) => `Resource class ${name} in use.` },
  inventoryNotFound: {
    status: 404,
    text: (name: string, id: string) => `No inventory of class ${name} found for resource provider ${id}`,
  },
  inventoryExists: {
    status: 409,
    text: (name: string, id: string) =>
      `Update conflict: inventory of class ${name} exists already for resource provider ${id}.`,
  },
  inventoryMissing: {
    status: 400,
    text: (name: string, id: string) =>
      `No inventory record with resource class ${name} for resource provider ${id}.`,
  },
  inventoryInUse: {
    status: 409,
    type: "placement.inventory.inuse",
    text: (name: string, id: string) =>
      `update conflict: Inventory for '${name}' on resource provider '${id}' in use.`,
  },
  inventoryReserved: {
    status: 400,
    text: (name: string, id: string) =>
      `Invalid inventory for '${name}' on resource provider '${id}'. The reserved value is greater than total.`,
  },
  overCapacity: {
    status: 409,
    text: (id: string, consumerId: string) =>
      `Unable to allocate inventory: Unable to create allocation for consumer '${consumerId}' on resource ` +
      `provider '${id}'. The requested amount would exceed the capacity.`,
  },
  allocationProviderNotFound: {
    status: 400,
    text: (id: string) => `Allocation for resource provider '${id}' that does not exist.`,
  },
  allocationsNotFound: {
    status: 404,
    text: (consumerId: string) => `No allocations for consumer '${consumerId}'`,
  },
  consumerConflict: {
    status: 409,
    type: concurrentUpdate,
    text: (consumerId: string, expected: number | null, given: number | null) =>
      `consumer generation conflict - expected ${expected ?? "null"} but got ${given ?? "null"} ` +
      `for consumer ${consumerId}`,
  },
  traitNotFound: { status: 404, text: (name: string) => `No such trait(s): ${name}.` },
  traitUnknown: { status: 400, text: (names: string) => `No such trait(s): ${names}.` },
  traitNotCustom: {
    status: 400,
    text: (name: string) =>
      `The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix ` +
      `"CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"; '${name}' is not.`,
  },
  traitStandard: { status: 400, text: (name: string) => `Cannot delete standard trait ${name}` },
  traitInUse: { status: 409, text: (name: string) => `The trait ${name} is in use by a resource provider.` },
  badValue: {
    status: 400,
    type: "placement.query.bad_value",
    text: (parameter: string, why: string) =>
      `Invalid query string parameters: '${parameter}' parameter: ${why}`,
  },
  missingValue: {
    status: 400,
    type: "placement.query.missing_value",
    text: (parameter: string) => `'${parameter}' is missing.`,
  },
  duplicateKey: {
    status: 400,
    type: "placement.query.duplicate_key",
    text: (parameter: string) => `Query parameter '${parameter}' may be given only once.`,
  },
});
