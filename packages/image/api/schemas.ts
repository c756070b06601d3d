// `/v2/schemas/*`: what clients such as glanceclient read to learn an image's attributes.
import { containerFormats, diskFormats, idPattern, visibilities } from "./image-schema.ts";
import { route } from "./route.ts";

const text = { type: "string" } as const;
const optionalText = { type: ["null", "string"] } as const;
const integer = { type: "integer" } as const;
const boolean = { type: "boolean" } as const;
const readOnly = { readOnly: true } as const;
const notBase = { is_base: false } as const;

const validationData = {
  description: "What the image's checksums must be.",
  type: "object",
  writeOnly: true,
  additionalProperties: false,
  properties: {
    checksum: { ...text, minLength: 32, maxLength: 32 },
    os_hash_algo: { ...text, maxLength: 64 },
    os_hash_value: { ...text, maxLength: 128 },
  },
  required: ["os_hash_algo", "os_hash_value"],
};

const imageProperties = {
  id: { ...text, description: "The image's id.", pattern: idPattern },
  name: { ...optionalText, description: "The image's name.", maxLength: 255 },
  status: {
    ...text,
    ...readOnly,
    description: "What the image can be used for.",
    enum: [
      ...["queued", "saving", "active", "killed", "deleted", "uploading", "importing"],
      ...["pending_delete", "deactivated"],
    ],
  },
  visibility: { ...text, description: "Who sees the image.", enum: visibilities },
  protected: { ...boolean, description: "Whether the image cannot be deleted." },
  os_hidden: { ...boolean, description: "Whether lists leave the image out." },
  checksum: { ...optionalText, ...readOnly, description: "MD5 of the data.", maxLength: 32 },
  os_hash_algo: {
    ...optionalText,
    ...readOnly,
    description: "The algorithm of os_hash_value.",
    maxLength: 64,
  },
  os_hash_value: { ...optionalText, ...readOnly, description: "The digest of the data.", maxLength: 128 },
  owner: { ...optionalText, description: "The project that owns the image.", maxLength: 255 },
  size: { type: ["null", "integer"], ...readOnly, description: "Bytes of the data." },
  virtual_size: { type: ["null", "integer"], ...readOnly, description: "Bytes of the disk in the data." },
  container_format: {
    ...optionalText,
    description: "What surrounds the disk.",
    enum: [null, ...containerFormats],
  },
  disk_format: { ...optionalText, description: "The format of the disk.", enum: [null, ...diskFormats] },
  created_at: { ...text, ...readOnly, description: "When the image was made." },
  updated_at: { ...text, ...readOnly, description: "When the image was last changed." },
  tags: {
    type: "array",
    description: "Words attached to the image.",
    items: { ...text, maxLength: 255 },
  },
  direct_url: { ...text, ...readOnly, description: "Where the store has the data." },
  min_ram: { ...integer, description: "MiB of memory a server needs for the image." },
  min_disk: { ...integer, description: "GiB of disk a server needs for the image." },
  self: { ...text, ...readOnly, description: "The image's address." },
  file: { ...text, ...readOnly, description: "The address of the data." },
  schema: { ...text, ...readOnly, description: "The address of this schema." },
  locations: {
    type: "array",
    description: "Where stores have the data.",
    items: {
      type: "object",
      required: ["url", "metadata"],
      properties: {
        url: { ...text, maxLength: 255 },
        metadata: { type: "object" },
        validation_data: validationData,
      },
    },
  },
  kernel_id: { ...optionalText, ...notBase, description: "The image to boot as kernel.", pattern: idPattern },
  ramdisk_id: {
    ...optionalText,
    ...notBase,
    description: "The image to boot as ramdisk.",
    pattern: idPattern,
  },
  instance_uuid: { ...text, ...notBase, description: "The server this is a snapshot of." },
  architecture: { ...text, ...notBase, description: "The processors the image is for." },
  os_distro: { ...text, ...notBase, description: "The distribution in the image." },
  os_version: { ...text, ...notBase, description: "The version of that distribution." },
};

const imageSchema = {
  name: "image",
  properties: imageProperties,
  additionalProperties: text,
  links: [
    { rel: "self", href: "{self}" },
    { rel: "enclosure", href: "{file}" },
    { rel: "describedby", href: "{schema}" },
  ],
};

const memberSchema = {
  name: "member",
  properties: {
    created_at: { ...text, description: "When the image was shared." },
    updated_at: { ...text, description: "When that was last changed." },
    image_id: { ...text, description: "The image's id.", pattern: idPattern },
    member_id: { ...text, description: "The project the image is shared with." },
    status: {
      ...text,
      description: "Whether the project took it.",
      enum: ["pending", "accepted", "rejected"],
    },
    schema: { ...text, ...readOnly },
  },
};

const schemas: Readonly<Record<string, object>> = {
  image: imageSchema,
  images: {
    name: "images",
    properties: {
      images: { type: "array", items: imageSchema },
      first: text,
      next: text,
      schema: text,
    },
    links: [
      { rel: "first", href: "{first}" },
      { rel: "next", href: "{next}" },
      { rel: "describedby", href: "{schema}" },
    ],
  },
  member: memberSchema,
  members: {
    name: "members",
    properties: { members: { type: "array", items: memberSchema }, schema: text },
    links: [{ rel: "describedby", href: "{schema}" }],
  },
};

export const schemaRoutes = Object.entries(schemas).map(([name, schema]) =>
  route({
    method: "GET",
    path: `/v2/schemas/${name}`,
    policy: "discovery",
    success: 200,
    summary: `Shows the schema of ${name}.`,
    handle: async () => schema,
  }),
);
