// Rows of the tables of servers and of the hosts they run on. Times are milliseconds, booleans 0 or 1, and
// columns whose comment says JSON hold JSON as text. Deleted servers keep their row, with `deleted_at` set.
import type { Millis, Uuid } from "@micronova/kit";

export interface ServerTable {
  id: Uuid;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  hostname: string;
  vm_state: string;
  task_state: string | null;
  /** Nova's numbers: 0 none, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended. */
  power_state: number;
  host: string | null;
  /** The compute node's id, which is also its resource provider's. */
  node_id: Uuid | null;
  node: string | null;
  availability_zone: string | null;
  pinned_availability_zone: string | null;
  image_id: Uuid | null;
  /** JSON object of the image's properties, copied at the boot. */
  image_properties: string;
  kernel_id: Uuid | null;
  ramdisk_id: Uuid | null;
  flavor_id: string;
  /** JSON `FlavorCopy`. */
  flavor: string;
  vcpus: number;
  memory_mb: number;
  key_name: string | null;
  /** JSON `{name, type, public_key}` or null. */
  key_data: string | null;
  /** Base64, as given. */
  user_data: string | null;
  config_drive: number;
  /** JSON object. */
  metadata: string;
  /** JSON object. */
  system_metadata: string;
  /** JSON array of strings. */
  tags: string;
  /** JSON array of names. */
  security_groups: string;
  /** `owner` or `admin`. */
  locked_by: string | null;
  locked_reason: string | null;
  access_ip_v4: string | null;
  access_ip_v6: string | null;
  /** 1 for AUTO, 0 for MANUAL. */
  auto_disk_config: number;
  reservation_id: string;
  launch_index: number;
  root_device_name: string | null;
  progress: number;
  /** JSON object. */
  scheduler_hints: string;
  server_group_id: Uuid | null;
  /** JSON array or null. */
  trusted_image_certificates: string | null;
  /** JSON `Fault` row: code, message, details, created. */
  fault: string | null;
  created_at: Millis;
  updated_at: Millis;
  launched_at: Millis | null;
  terminated_at: Millis | null;
  deleted_at: Millis | null;
}

/** The flavor as it was when the server was made; later changes of the flavor leave the server alone. */
export interface FlavorCopy {
  readonly flavorid: string;
  readonly name: string;
  readonly vcpus: number;
  readonly ram: number;
  readonly disk: number;
  readonly ephemeral: number;
  readonly swap: number;
  readonly extra_specs: Readonly<Record<string, string>>;
}

/** A volume that belongs to a server. */
export interface BlockDeviceMappingTable {
  id: Uuid;
  server_id: Uuid;
  volume_id: Uuid;
  attachment_id: Uuid;
  source_type: string;
  destination_type: string;
  boot_index: number | null;
  device_name: string | null;
  delete_on_termination: number;
  tag: string | null;
  created_at: Millis;
}

/** A port that belongs to a server, and what only compute knows of it. */
export interface ServerInterfaceTable {
  port_id: Uuid;
  server_id: Uuid;
  network_id: Uuid;
  tag: string | null;
  /** 1 when the user made the port and it outlives the server. */
  is_preexisting: number;
  /** The order in which the guest sees its cards. */
  position: number;
}

export interface ComputeServiceTable {
  id: Uuid;
  host: string;
  binary: string;
  is_disabled: number;
  disabled_reason: string | null;
  is_forced_down: number;
  /** Since when it reports without taking work; null while it does. */
  deaf_since: Millis | null;
  last_seen: Millis | null;
  version: number;
  created_at: Millis;
  updated_at: Millis;
}

export interface ComputeNodeTable {
  /** Made by the host at its first start and kept on its disk. */
  id: Uuid;
  service_id: Uuid;
  host: string;
  hypervisor_hostname: string;
  hypervisor_type: string;
  hypervisor_version: number;
  host_ip: string;
  architecture: string;
  vcpus: number;
  memory_mb: number;
  local_gb: number;
  /** JSON. */
  cpu_info: string;
  created_at: Millis;
  updated_at: Millis;
}

/** A volume that ends with a server that is gone; a reconciler deletes it. */
export interface DoomedVolumeTable {
  volume_id: Uuid;
  /** JSON `RequestContext` of who deleted the server. */
  request: string;
}

declare module "@micronova/store" {
  interface Tables {
    servers: ServerTable;
    block_device_mappings: BlockDeviceMappingTable;
    server_interfaces: ServerInterfaceTable;
    doomed_volumes: DoomedVolumeTable;
    compute_services: ComputeServiceTable;
    compute_nodes: ComputeNodeTable;
  }
}

export type Server = ServerTable;
export type BlockDeviceMapping = BlockDeviceMappingTable;
export type ServerInterface = ServerInterfaceTable;
export type ComputeServiceRow = ComputeServiceTable;
export type ComputeNode = ComputeNodeTable;
