// The bodies that placement takes, with the versions in which their parts exist.
import { between, eitherVersion, since, Type, until, versioned } from "@micronova/http";
import { amountMax } from "../inventories.ts";

const strict = { additionalProperties: false };
const uuidKey = Type.String({ pattern: "^[0-9a-fA-F-]{36}$" });
const nameKey = Type.String({ pattern: "^[A-Z0-9_]+$" });
export const uuid = Type.String({ pattern: "^[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$" });
const generation = Type.Integer();
const amount = (minimum: number) => Type.Integer({ minimum, maximum: amountMax });

const providerName = Type.String({ minLength: 1, maxLength: 200 });
const parent = versioned(since("1.14"), Type.Optional(Type.Union([uuid, Type.Null()])));

export const createProviderBody = Type.Object(
  { name: providerName, uuid: Type.Optional(uuid), parent_provider_uuid: parent },
  strict,
);
export const updateProviderBody = Type.Object({ name: providerName, parent_provider_uuid: parent }, strict);

const inventoryFields = {
  total: amount(1),
  reserved: Type.Optional(amount(0)),
  min_unit: Type.Optional(amount(1)),
  max_unit: Type.Optional(amount(1)),
  step_size: Type.Optional(amount(1)),
  allocation_ratio: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 3.40282e38 })),
};
export const inventoryBody = Type.Object(
  { ...inventoryFields, resource_provider_generation: generation },
  strict,
);
export const newInventoryBody = Type.Object(
  {
    ...inventoryFields,
    resource_class: nameKey,
    resource_provider_generation: Type.Optional(generation),
  },
  strict,
);
const inventoryItem = Type.Object(
  { ...inventoryFields, resource_provider_generation: Type.Optional(generation) },
  strict,
);
export const inventoriesBody = Type.Object(
  { resource_provider_generation: generation, inventories: Type.Record(nameKey, inventoryItem, strict) },
  strict,
);

const aggregateIds = Type.Array(uuid, { uniqueItems: true });
export const aggregatesBody = eitherVersion(
  [until("1.18"), aggregateIds],
  [
    since("1.19"),
    Type.Object({ aggregates: aggregateIds, resource_provider_generation: generation }, strict),
  ],
);

export const traitsBody = Type.Object(
  {
    traits: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { uniqueItems: true }),
    resource_provider_generation: generation,
  },
  strict,
);

export const classBody = Type.Object(
  { name: Type.String({ maxLength: 255, pattern: "^CUSTOM_[A-Z0-9_]+$" }) },
  strict,
);

const resources = Type.Record(nameKey, amount(1), { ...strict, minProperties: 1 });
const holding = Type.Object({ resources, generation: Type.Optional(generation) }, strict);
const holdings = (minProperties: number) => Type.Record(uuidKey, holding, { ...strict, minProperties });
const oldHoldings = Type.Array(
  Type.Object({ resource_provider: Type.Object({ uuid }, strict), resources }, strict),
  { minItems: 1 },
);
const owner = Type.String({ minLength: 1, maxLength: 255 });
const consumerFields = {
  project_id: versioned(since("1.8"), owner),
  user_id: versioned(since("1.8"), owner),
  consumer_generation: versioned(since("1.28"), Type.Union([Type.Integer(), Type.Null()])),
  consumer_type: versioned(
    since("1.38"),
    Type.String({ minLength: 1, maxLength: 255, pattern: "^[A-Z0-9_]+$" }),
  ),
  mappings: versioned(
    since("1.34"),
    Type.Optional(
      Type.Record(Type.String({ pattern: "^[a-zA-Z0-9_-]{0,64}$" }), Type.Array(uuid, { minItems: 1 })),
    ),
  ),
};
export const allocationsBody = Type.Object(
  {
    allocations: eitherVersion(
      [until("1.11"), oldHoldings],
      [since("1.12"), eitherVersion([between("1.12", "1.27"), holdings(1)], [since("1.28"), holdings(0)])],
    ),
    ...consumerFields,
  },
  strict,
);
const managed = Type.Object({ allocations: holdings(0), ...consumerFields }, strict);
export const manyAllocationsBody = Type.Record(uuidKey, managed, { ...strict, minProperties: 1 });

export const reshaperBody = Type.Object(
  {
    inventories: Type.Record(uuidKey, inventoriesBody, { ...strict, minProperties: 1 }),
    allocations: Type.Record(uuidKey, managed, strict),
  },
  strict,
);
