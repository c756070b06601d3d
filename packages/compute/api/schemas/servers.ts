// Bodies and queries of servers. Spans say at which microversion a part exists.
import { between, eitherVersion, since, Type, until, versioned } from "@micronova/http";
import {
  boolLike,
  countLike,
  diskConfig,
  hostLike,
  ipv4,
  ipv6,
  metadata,
  name,
  nullableText255,
  tag,
  text255,
  uuid,
} from "./parts.ts";

const closed = { additionalProperties: false } as const;
const open = { additionalProperties: true } as const;
const optional = Type.Optional;

const shortHostname = Type.String({
  minLength: 2,
  maxLength: 63,
  pattern: "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$",
});
const hostname = eitherVersion([between("2.90", "2.93"), shortHostname], [since("2.94"), hostLike]);
const description = versioned(since("2.19"), nullableText255);
const digits = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: "^[0-9]+$" })]);

// Device tags were refused by accident between 2.33 (disks) or 2.37 (cards) and 2.41.
const cardTag = eitherVersion([between("2.32", "2.36"), tag], [since("2.42"), tag]);
const diskTag = eitherVersion([between("2.32", "2.32"), tag], [since("2.42"), tag]);

const requestedNetwork = Type.Object(
  {
    fixed_ip: optional(Type.Union([ipv4, ipv6])),
    port: optional(Type.Union([uuid, Type.Null()])),
    uuid: optional(eitherVersion([until("2.36"), Type.String()], [since("2.37"), uuid])),
    tag: optional(cardTag),
  },
  closed,
);
const networkList = Type.Array(requestedNetwork);
const networks = eitherVersion(
  [until("2.36"), networkList],
  [since("2.37"), Type.Union([networkList, Type.Literal("none"), Type.Literal("auto")])],
);

const oldBlockDevice = {
  virtual_name: optional(text255),
  volume_id: optional(uuid),
  snapshot_id: optional(uuid),
  volume_size: optional(digits),
  device_name: optional(Type.String({ minLength: 1, maxLength: 255, pattern: "^[a-zA-Z0-9._/-]*$" })),
  delete_on_termination: optional(boolLike),
  no_device: optional(Type.Unknown()),
  connection_info: optional(Type.String({ maxLength: 16_777_215 })),
};
const sourceType = Type.Union([
  Type.Literal("volume"),
  Type.Literal("image"),
  Type.Literal("snapshot"),
  Type.Literal("blank"),
]);
const blockDevice = Type.Object(
  {
    ...oldBlockDevice,
    source_type: optional(sourceType),
    uuid: optional(Type.String({ minLength: 1, maxLength: 255, pattern: "^[a-zA-Z0-9._-]*$" })),
    image_id: optional(uuid),
    destination_type: optional(Type.Union([Type.Literal("local"), Type.Literal("volume")])),
    guest_format: optional(text255),
    device_type: optional(text255),
    disk_bus: optional(text255),
    boot_index: optional(Type.Union([Type.Integer(), Type.String({ pattern: "^-?[0-9]+$" }), Type.Null()])),
    tag: optional(diskTag),
    volume_type: optional(versioned(since("2.67"), nullableText255)),
  },
  closed,
);

const server = Type.Object(
  {
    name,
    imageRef: optional(Type.String({ maxLength: 2048 })),
    flavorRef: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]),
    adminPass: optional(Type.String()),
    metadata: optional(metadata),
    networks: optional(networks),
    "OS-DCF:diskConfig": optional(diskConfig),
    accessIPv4: optional(ipv4),
    accessIPv6: optional(ipv6),
    personality: optional(versioned(until("2.56"), Type.Array(Type.Object({}, open), { maxItems: 0 }))),
    availability_zone: optional(name),
    block_device_mapping: optional(Type.Array(Type.Object(oldBlockDevice, closed))),
    block_device_mapping_v2: optional(Type.Array(blockDevice)),
    config_drive: optional(boolLike),
    key_name: optional(Type.Union([name, Type.Null()])),
    min_count: optional(countLike),
    max_count: optional(countLike),
    return_reservation_id: optional(boolLike),
    security_groups: optional(Type.Array(Type.Object({ name: optional(name) }, closed))),
    user_data: optional(Type.Union([Type.String({ maxLength: 65_535 }), Type.Null()])),
    description: optional(description),
    tags: optional(versioned(since("2.52"), Type.Array(tag, { maxItems: 50 }))),
    trusted_image_certificates: optional(
      versioned(
        since("2.63"),
        Type.Union([
          Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 50, uniqueItems: true }),
          Type.Null(),
        ]),
      ),
    ),
    host: optional(versioned(since("2.74"), hostLike)),
    hypervisor_hostname: optional(versioned(since("2.74"), hostLike)),
    hostname: optional(hostname),
  },
  closed,
);

const oneOrMany = Type.Union([Type.Array(Type.String()), Type.String()]);
const hints = Type.Object(
  {
    group: optional(Type.Union([uuid, Type.Array(Type.String(), { maxItems: 1 })])),
    different_host: optional(oneOrMany),
    same_host: optional(oneOrMany),
    build_near_host_ip: optional(Type.String()),
    cidr: optional(Type.String({ pattern: "^/[0-9a-f.:]+$" })),
  },
  open,
);

export const createServerBody = Type.Object(
  {
    server,
    "os:scheduler_hints": optional(hints),
    "OS-SCH-HNT:scheduler_hints": optional(hints),
  },
  closed,
);

export const updateServerBody = Type.Object(
  {
    server: Type.Object(
      {
        name: optional(name),
        "OS-DCF:diskConfig": optional(diskConfig),
        accessIPv4: optional(Type.Union([ipv4, Type.Literal("")])),
        accessIPv6: optional(Type.Union([ipv6, Type.Literal("")])),
        description: optional(description),
        hostname: optional(hostname),
        pinned_availability_zone: optional(
          versioned(since("2.104"), Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()])),
        ),
      },
      closed,
    ),
  },
  closed,
);

const many = optional(Type.Array(Type.String()));
const tagFilter = optional(versioned(since("2.26"), Type.Array(Type.String())));

const listFilters = {
  user_id: many,
  project_id: many,
  tenant_id: many,
  launch_index: many,
  image_ref: many,
  image: many,
  kernel_id: many,
  ramdisk_id: many,
  hostname: many,
  key_name: many,
  power_state: many,
  vm_state: many,
  task_state: many,
  host: many,
  node: many,
  flavor: many,
  reservation_id: many,
  launched_at: many,
  terminated_at: many,
  availability_zone: many,
  name: many,
  display_name: many,
  description: many,
  display_description: many,
  locked_by: many,
  uuid: many,
  root_device_name: many,
  config_drive: many,
  access_ip_v4: many,
  access_ip_v6: many,
  auto_disk_config: many,
  progress: many,
  sort_key: many,
  sort_dir: many,
  all_tenants: many,
  soft_deleted: many,
  deleted: many,
  status: many,
  "changes-since": many,
  "changes-before": optional(versioned(since("2.66"), Type.Array(Type.String()))),
  ip: many,
  ip6: many,
  created_at: many,
  block_device_mapping: many,
  services: many,
  metadata: many,
  system_metadata: many,
  info_cache: many,
  security_groups: many,
  pci_devices: many,
  limit: optional(Type.Array(Type.String({ pattern: "^[0-9]+$" }))),
  marker: many,
  tags: tagFilter,
  "tags-any": tagFilter,
  "not-tags": tagFilter,
  "not-tags-any": tagFilter,
  locked: optional(versioned(since("2.73"), Type.Array(Type.String()))),
};

/** Keys nobody knows are ignored before 2.75 and refused from then on. */
export const listServersQuery = eitherVersion(
  [until("2.74"), Type.Object(listFilters, open)],
  [since("2.75"), Type.Object(listFilters, closed)],
);

/** For calls without parameters of their own: from 2.102 on any is refused. */
export const emptyQuery = eitherVersion(
  [until("2.101"), Type.Object({}, open)],
  [since("2.102"), Type.Object({}, closed)],
);
