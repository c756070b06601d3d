// Schemas of flavors, key pairs, quotas, aggregates, services and server groups, with the versions of their
// parts.
import { eitherVersion, since, Type, until, versioned } from "@micronova/http";
import { boolLike, hostLike, metadataKey, name, nullableText255 } from "./parts.ts";

const list = Type.Optional(Type.Array(Type.String()));
const limit = Type.Optional(Type.Array(Type.String({ minLength: 1, pattern: "^[0-9]*$" })));
const one = <T extends Parameters<typeof Type.Array>[0]>(item: T) =>
  Type.Optional(Type.Array(item, { maxItems: 1 }));

const open = { additionalProperties: true } as const;
const closed = { additionalProperties: false } as const;

/** Unknown keys are ignored before 2.75 and refused from then on. */
function query(fields: Parameters<typeof Type.Object>[0]) {
  return eitherVersion(
    [until("2.74"), Type.Object(fields, open)],
    [since("2.75"), Type.Object(fields, closed)],
  );
}

/** The body `{ "<key>": … }` and nothing besides. */
const wrapped = <K extends string, S extends Parameters<typeof Type.Array>[0]>(key: K, schema: S) =>
  // The one key is K by construction; TypeScript widens computed keys to string.
  Type.Object({ [key]: schema } as { [P in K]: S }, closed);

// --- Flavors ---------------------------------------------------------------------------------------------

const sortColumns = [
  ..."created_at description disabled ephemeral_gb flavorid id is_public memory_mb name root_gb".split(" "),
  ..."rxtx_factor swap updated_at vcpu_weight vcpus".split(" "),
];
const words = (all: readonly string[]) => Type.Union(all.map((word) => Type.Literal(word)));
const flavorFilters = { limit, marker: list, is_public: list, minRam: list, minDisk: list };
const sortDir = Type.Optional(Type.Array(words(["asc", "desc"])));
const oldFlavorFilters = {
  ...flavorFilters,
  sort_key: Type.Optional(Type.Array(words(sortColumns))),
  sort_dir: sortDir,
};
const newFlavorFilters = {
  ...flavorFilters,
  name: list,
  sort_key: Type.Optional(Type.Array(words(sortColumns.filter((key) => key !== "rxtx_factor")))),
  sort_dir: sortDir,
};
export const flavorsQuery = eitherVersion(
  [until("2.74"), Type.Object(oldFlavorFilters, open)],
  [
    since("2.75"),
    eitherVersion(
      [until("2.101"), Type.Object(oldFlavorFilters, closed)],
      [since("2.102"), Type.Object(newFlavorFilters, closed)],
    ),
  ],
);

/** Amounts come as numbers or as digits. */
const amount = (minimum: 0 | 1) =>
  Type.Union([
    Type.Integer({ minimum, maximum: 2_147_483_647 }),
    Type.String({ pattern: minimum === 0 ? "^[0-9]+$" : "^0*[1-9][0-9]*$" }),
  ]);
const flavorId = Type.String({ minLength: 1, maxLength: 255, pattern: "^(?! )[a-zA-Z0-9. _-]+(?<! )$" });
const description = Type.Union([Type.String({ maxLength: 65_535 }), Type.Null()]);
const factor = Type.Union([
  Type.Number({ minimum: 0, maximum: 3.402_82e38 }),
  Type.String({ pattern: "^[0-9]+(\\.[0-9]+)?$" }),
]);

export const createFlavorBody = wrapped(
  "flavor",
  Type.Object(
    {
      name,
      id: Type.Optional(Type.Union([flavorId, Type.Number(), Type.Null()])),
      ram: amount(1),
      vcpus: amount(1),
      disk: amount(0),
      "OS-FLV-EXT-DATA:ephemeral": Type.Optional(amount(0)),
      swap: Type.Optional(amount(0)),
      rxtx_factor: Type.Optional(versioned(until("2.101"), factor)),
      "os-flavor-access:is_public": Type.Optional(boolLike),
      description: Type.Optional(versioned(since("2.55"), description)),
    },
    closed,
  ),
);
export const updateFlavorBody = wrapped("flavor", Type.Object({ description }, closed));
export const tenantAccess = Type.Object({ tenant: Type.String({ minLength: 1, maxLength: 255 }) }, closed);

const specs = Type.Record(
  Type.String({ pattern: metadataKey }),
  Type.Union([Type.String({ maxLength: 255 }), Type.Number()]),
  closed,
);
export const extraSpecsBody = wrapped("extra_specs", specs);
export const extraSpecBody = Type.Record(
  Type.String({ pattern: metadataKey }),
  Type.Union([Type.String({ maxLength: 255 }), Type.Number()]),
  { ...closed, minProperties: 1, maxProperties: 1 },
);

// --- Key pairs -------------------------------------------------------------------------------------------

export const keypairsQuery = query({
  user_id: Type.Optional(versioned(since("2.10"), Type.Array(Type.String()))),
  limit: Type.Optional(versioned(since("2.35"), Type.Array(Type.String({ pattern: "^[0-9]+$" })))),
  marker: Type.Optional(versioned(since("2.35"), Type.Array(Type.String()))),
});
export const keypairQuery = query({
  user_id: Type.Optional(versioned(since("2.10"), Type.Array(Type.String()))),
});

const keypairRest = {
  type: Type.Optional(versioned(since("2.2"), words(["ssh", "x509"]))),
  user_id: Type.Optional(versioned(since("2.10"), Type.String())),
};
const keypairName = (pattern: string) => Type.String({ minLength: 1, maxLength: 255, pattern });
export const createKeypairBody = eitherVersion(
  [
    until("2.91"),
    wrapped(
      "keypair",
      Type.Object(
        {
          name: keypairName("^[_\\- a-zA-Z0-9]+$"),
          public_key: Type.Optional(Type.String()),
          ...keypairRest,
        },
        closed,
      ),
    ),
  ],
  [
    since("2.92"),
    wrapped(
      "keypair",
      Type.Object(
        { name: keypairName("^[_\\-@. a-zA-Z0-9]+$"), public_key: Type.String(), ...keypairRest },
        closed,
      ),
    ),
  ],
);

// --- Quotas and limits -----------------------------------------------------------------------------------

const quotaValue = Type.Union([
  Type.Integer({ minimum: -1, maximum: 2_147_483_647 }),
  Type.String({ pattern: "^(?:-1|[0-9]+)$" }),
]);
const always = Type.Optional(quotaValue);
const untilVersion = (version: string) => Type.Optional(versioned(until(version), quotaValue));
const quotaFields = (networkUntil: string) => ({
  instances: always,
  cores: always,
  ram: always,
  metadata_items: always,
  key_pairs: always,
  server_groups: always,
  server_group_members: always,
  injected_files: untilVersion("2.56"),
  injected_file_content_bytes: untilVersion("2.56"),
  injected_file_path_bytes: untilVersion("2.56"),
  floating_ips: untilVersion(networkUntil),
  fixed_ips: untilVersion(networkUntil),
  security_groups: untilVersion(networkUntil),
  security_group_rules: untilVersion(networkUntil),
});
export const updateQuotaBody = wrapped(
  "quota_set",
  Type.Object({ ...quotaFields("2.35"), force: Type.Optional(boolLike) }, closed),
);
export const updateQuotaClassBody = wrapped("quota_class_set", Type.Object(quotaFields("2.49"), closed));
export const quotaQuery = query({ user_id: list });
export const limitsQuery = query({ tenant_id: list });
const usagePage = { limit: versioned(since("2.40"), limit), marker: versioned(since("2.40"), list) };
export const tenantUsageQuery = query({ start: list, end: list, ...usagePage });
export const tenantUsagesQuery = query({ start: list, end: list, detailed: list, ...usagePage });

// --- Hosts -----------------------------------------------------------------------------------------------

export const servicesQuery = query({ host: list, binary: list });
const binary = Type.String({ minLength: 1, maxLength: 255 });
const reason = Type.String({ minLength: 1, maxLength: 255 });
export const oldServiceBody = Type.Object(
  {
    host: hostLike,
    binary,
    disabled_reason: Type.Optional(reason),
    forced_down: Type.Optional(versioned(since("2.11"), boolLike)),
  },
  closed,
);
export const serviceBody = Type.Object(
  {
    status: Type.Optional(words(["enabled", "disabled"])),
    disabled_reason: Type.Optional(reason),
    forced_down: Type.Optional(boolLike),
  },
  closed,
);

const pages = {
  limit: Type.Optional(versioned(since("2.33"), Type.Array(Type.String({ pattern: "^[0-9]+$" })))),
  marker: Type.Optional(versioned(since("2.33"), Type.Array(Type.String()))),
};
const withServers = one(boolLike);
export const hypervisorsQuery = eitherVersion(
  [until("2.52"), Type.Object(pages, open)],
  [
    since("2.53"),
    Type.Object({ ...pages, hypervisor_hostname_pattern: one(hostLike), with_servers: withServers }, closed),
  ],
);
export const hypervisorQuery = eitherVersion(
  [until("2.52"), Type.Object({}, open)],
  [since("2.53"), Type.Object({ with_servers: withServers }, closed)],
);

// --- Aggregates and server groups ------------------------------------------------------------------------

// A colon would read as a host in `zone:host`.
const zone = Type.Union([
  Type.String({ minLength: 1, maxLength: 255, pattern: "^(?!\\s)[^:\\x00-\\x1f\\x7f]*(?<!\\s)$" }),
  Type.Null(),
]);
export const createAggregateBody = wrapped(
  "aggregate",
  Type.Object({ name, availability_zone: Type.Optional(zone) }, closed),
);
export const updateAggregateBody = wrapped(
  "aggregate",
  Type.Object(
    { name: Type.Optional(name), availability_zone: Type.Optional(zone) },
    { ...closed, minProperties: 1 },
  ),
);
export const aggregateHost = Type.Object({ host: hostLike }, closed);
export const aggregateMetadataBody = Type.Object(
  { metadata: Type.Record(Type.String({ pattern: metadataKey }), nullableText255, closed) },
  closed,
);

export const serverGroupsQuery = query({ all_projects: list, limit, offset: limit });
const hardPolicies = ["anti-affinity", "affinity"];
const policies = [...hardPolicies, "soft-anti-affinity", "soft-affinity"];
const policyList = (allowed: readonly string[]) => Type.Array(words(allowed), { minItems: 1, maxItems: 1 });
const rules = Type.Object(
  {
    max_server_per_host: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1 }), Type.String({ minLength: 1, pattern: "^[0-9]*$" })]),
    ),
  },
  closed,
);
export const createServerGroupBody = eitherVersion(
  [
    until("2.63"),
    wrapped(
      "server_group",
      Type.Object(
        {
          name,
          policies: eitherVersion(
            [until("2.14"), policyList(hardPolicies)],
            [since("2.15"), policyList(policies)],
          ),
        },
        closed,
      ),
    ),
  ],
  [
    since("2.64"),
    wrapped(
      "server_group",
      Type.Object({ name, policy: words(policies), rules: Type.Optional(rules) }, closed),
    ),
  ],
);
