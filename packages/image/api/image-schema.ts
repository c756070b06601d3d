// What a client may send of an image, and the sets of names that are Glance's own.
import { type Static, Type } from "@micronova/http";

const nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) =>
  Type.Union([schema, Type.Null()]);

export const containerFormats = ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"] as const;
export const diskFormats = [
  "ami",
  "ari",
  "aki",
  "vhd",
  "vhdx",
  "vmdk",
  "raw",
  "qcow2",
  "vdi",
  "iso",
  "ploop",
] as const;
export const visibilities = ["community", "public", "private", "shared"] as const;

export const idPattern =
  "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$";
const integerMax = 2_147_483_647;

/** Attributes that are columns, and may be set. */
export const baseAttributes = {
  name: nullable(Type.String({ maxLength: 255 })),
  visibility: Type.Union([
    Type.Literal("community"),
    Type.Literal("public"),
    Type.Literal("private"),
    Type.Literal("shared"),
  ]),
  protected: Type.Boolean(),
  os_hidden: Type.Boolean(),
  container_format: nullable(Type.Enum([...containerFormats])),
  disk_format: nullable(Type.Enum([...diskFormats])),
  min_ram: Type.Integer({ minimum: 0, maximum: integerMax }),
  min_disk: Type.Integer({ minimum: 0, maximum: integerMax }),
  owner: nullable(Type.String({ maxLength: 255 })),
};

export const tagList = Type.Array(Type.String({ maxLength: 255 }));

// Read-only names are let through the schema, so that the answer can say that they are read-only.
const readOnlyAttributes = {
  created_at: Type.Optional(Type.Unknown()),
  updated_at: Type.Optional(Type.Unknown()),
  status: Type.Optional(Type.Unknown()),
  checksum: Type.Optional(Type.Unknown()),
  size: Type.Optional(Type.Unknown()),
  virtual_size: Type.Optional(Type.Unknown()),
  os_hash_algo: Type.Optional(Type.Unknown()),
  os_hash_value: Type.Optional(Type.Unknown()),
  direct_url: Type.Optional(Type.Unknown()),
  self: Type.Optional(Type.Unknown()),
  file: Type.Optional(Type.Unknown()),
  schema: Type.Optional(Type.Unknown()),
};
export const readOnlyNames: readonly string[] = Object.keys(readOnlyAttributes);

/** Values of the properties that are the client's own. */
export const propertyValue = Type.String({ maxLength: 65_535 });

export const createBody = Type.Object(
  {
    id: Type.Optional(Type.String({ pattern: idPattern })),
    name: Type.Optional(baseAttributes.name),
    visibility: Type.Optional(baseAttributes.visibility),
    protected: Type.Optional(baseAttributes.protected),
    os_hidden: Type.Optional(baseAttributes.os_hidden),
    container_format: Type.Optional(baseAttributes.container_format),
    disk_format: Type.Optional(baseAttributes.disk_format),
    min_ram: Type.Optional(baseAttributes.min_ram),
    min_disk: Type.Optional(baseAttributes.min_disk),
    owner: Type.Optional(baseAttributes.owner),
    tags: Type.Optional(tagList),
    ...readOnlyAttributes,
    kernel_id: Type.Optional(nullable(Type.String({ pattern: idPattern }))),
    ramdisk_id: Type.Optional(nullable(Type.String({ pattern: idPattern }))),
  },
  { additionalProperties: propertyValue },
);
export type CreateBody = Static<typeof createBody>;

export const baseNames: readonly string[] = [...Object.keys(baseAttributes), "id", "tags", ...readOnlyNames];
