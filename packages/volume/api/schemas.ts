// What clients may send, as Cinder's schemas have it.
import { eitherVersion, since, until, versioned } from "@micronova/http";
import { configType as Type } from "@micronova/kit/config";

const nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) =>
  Type.Union([schema, Type.Null()]);
const text = (maxLength = 255) => Type.String({ maxLength });
const optionalText = () => Type.Optional(nullable(text()));
const strict = { additionalProperties: false } as const;

/** Python clients send booleans as words. */
const trueWords = ["true", "1", "t", "y", "yes", "on"];
const falseWords = ["false", "0", "f", "n", "no", "off"];
const boolLike = Type.Union([
  Type.Boolean(),
  Type.String({ pattern: `^(${[...trueWords, ...falseWords].flatMap(cases).join("|")})$` }),
]);
export function isTrue(value: boolean | string): boolean {
  return typeof value === "boolean" ? value : trueWords.includes(value.toLowerCase());
}
function cases(word: string): string[] {
  return [...new Set([word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)])];
}

const metadataSchema = Type.Record(Type.String({ pattern: "^[a-zA-Z0-9-_:. /]{1,255}$" }), text(), strict);
const sizeSchema = Type.Union([
  Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  Type.String({ pattern: "^[0-9]+$" }),
]);

const newVolumeFields = {
  name: optionalText(),
  description: optionalText(),
  display_name: optionalText(),
  display_description: optionalText(),
  volume_type: optionalText(),
  metadata: Type.Optional(nullable(metadataSchema)),
  snapshot_id: optionalText(),
  source_volid: optionalText(),
  consistencygroup_id: optionalText(),
  size: Type.Optional(nullable(sizeSchema)),
  availability_zone: optionalText(),
  multiattach: Type.Optional(nullable(boolLike)),
  image_id: optionalText(),
  imageRef: optionalText(),
  group_id: Type.Optional(versioned(since("3.13"), nullable(text()))),
  backup_id: Type.Optional(versioned(since("3.47"), nullable(text()))),
};

const looseVolume = Type.Object(newVolumeFields);
const strictVolume = Type.Object(newVolumeFields, strict);

export const createVolumeBody = Type.Object(
  {
    volume: eitherVersion([until("3.52"), looseVolume], [since("3.53"), strictVolume]),
    "OS-SCH-HNT:scheduler_hints": Type.Optional(nullable(Type.Record(Type.String(), Type.Unknown()))),
  },
  strict,
);

export const updateVolumeBody = Type.Object(
  {
    volume: Type.Object(
      {
        name: optionalText(),
        description: optionalText(),
        display_name: optionalText(),
        display_description: optionalText(),
        metadata: Type.Optional(nullable(metadataSchema)),
      },
      strict,
    ),
  },
  strict,
);

const word = Type.Optional(Type.String());
/** Names that Cinder's own list knows; others are refused from 3.33 on. */
export const listVolumesQuery = Type.Object({
  limit: word,
  marker: word,
  offset: word,
  sort: word,
  sort_key: word,
  sort_dir: word,
  all_tenants: word,
  with_count: word,
  project_id: word,
  user_id: word,
  name: word,
  display_name: word,
  "name~": word,
  status: word,
  bootable: word,
  availability_zone: word,
  size: word,
  id: word,
  metadata: word,
  migration_status: word,
  group_id: word,
  glance_metadata: word,
  consumes_quota: word,
  created_at: word,
  updated_at: word,
});

export const metadataBody = Type.Object({ metadata: metadataSchema }, strict);
export const metaBody = Type.Object(
  {
    meta: Type.Record(Type.String({ pattern: "^[a-zA-Z0-9-_:. /]{1,255}$" }), text(), {
      ...strict,
      minProperties: 1,
      maxProperties: 1,
    }),
  },
  strict,
);

const uuid = Type.String({ pattern: "^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$" });
const mode = Type.Union([Type.Literal("rw"), Type.Literal("ro")]);
const connector = Type.Record(Type.String(), Type.Unknown());

export const attachSchema = Type.Object(
  {
    instance_uuid: Type.Optional(uuid),
    mountpoint: Type.String({ minLength: 1, maxLength: 255 }),
    host_name: Type.Optional(text()),
    mode: Type.Optional(mode),
  },
  strict,
);
export const detachSchema = nullable(Type.Object({ attachment_id: Type.Optional(nullable(uuid)) }, strict));
export const forceDetachSchema = Type.Object(
  {
    attachment_id: Type.Optional(nullable(Type.String())),
    connector: Type.Optional(Type.Unknown()),
  },
  strict,
);
export const anything = Type.Unknown();
export const extendSchema = Type.Object({ new_size: sizeSchema }, strict);
export const resetStatusSchema = Type.Object(
  {
    status: Type.Optional(nullable(Type.String())),
    attach_status: Type.Optional(nullable(Type.String())),
    migration_status: Type.Optional(nullable(Type.String())),
  },
  strict,
);
export const bootableSchema = Type.Object({ bootable: boolLike }, strict);
export const readonlySchema = Type.Object({ readonly: boolLike }, strict);
export const imageMetadataSchema = Type.Object(
  { metadata: Type.Record(Type.String({ pattern: "^[a-zA-Z0-9-_:. /]{1,255}$" }), Type.String(), strict) },
  strict,
);
export const imageMetadataKeySchema = Type.Object(
  { key: Type.String({ minLength: 1, maxLength: 255 }) },
  strict,
);

export const createAttachmentBody = Type.Object(
  {
    attachment: Type.Object(
      {
        volume_uuid: uuid,
        instance_uuid: Type.Optional(uuid),
        connector: Type.Optional(nullable(connector)),
        mode: Type.Optional(versioned(since("3.54"), mode)),
      },
      strict,
    ),
  },
  strict,
);
export const updateAttachmentBody = Type.Object(
  {
    attachment: Type.Object(
      { connector: Type.Record(Type.String(), Type.Unknown(), { minProperties: 1 }) },
      strict,
    ),
  },
  strict,
);

const specs = Type.Record(Type.String({ pattern: "^[a-zA-Z0-9-_:. /]{1,255}$" }), nullable(text()), strict);
export const createTypeBody = Type.Object(
  {
    volume_type: Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 255 }),
        description: optionalText(),
        extra_specs: Type.Optional(specs),
        "os-volume-type-access:is_public": Type.Optional(boolLike),
      },
      strict,
    ),
  },
  strict,
);
export const updateTypeBody = Type.Object(
  {
    volume_type: Type.Object(
      {
        name: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 255 }))),
        description: optionalText(),
        is_public: Type.Optional(boolLike),
      },
      strict,
    ),
  },
  strict,
);
export const extraSpecsBody = Type.Object({ extra_specs: specs }, strict);
export const extraSpecBody = Type.Record(Type.String(), nullable(text()), {
  minProperties: 1,
  maxProperties: 1,
});
export const projectAccessSchema = Type.Object(
  { project: Type.String({ minLength: 1, maxLength: 255 }) },
  strict,
);

export const quotaBody = Type.Object(
  { quota_set: Type.Record(Type.String(), Type.Unknown(), { minProperties: 1 }) },
  strict,
);

export const serviceBody = Type.Object(
  {
    host: Type.Optional(nullable(text())),
    binary: Type.Optional(text()),
    service: Type.Optional(text()),
    cluster: Type.Optional(nullable(text())),
    disabled_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  },
  strict,
);
