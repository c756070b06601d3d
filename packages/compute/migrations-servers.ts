// The tables of servers and hosts. Every index serves a list, a filter or a uniqueness that the tables cannot
// say.
import type { Migration } from "@micronova/store";

const servers = `CREATE TABLE servers (
  id TEXT PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
  hostname TEXT NOT NULL, vm_state TEXT NOT NULL, task_state TEXT, power_state INTEGER NOT NULL, host TEXT,
  node_id TEXT, node TEXT, availability_zone TEXT, pinned_availability_zone TEXT, image_id TEXT,
  image_properties TEXT NOT NULL, kernel_id TEXT, ramdisk_id TEXT, flavor_id TEXT NOT NULL,
  flavor TEXT NOT NULL,
  vcpus INTEGER NOT NULL, memory_mb INTEGER NOT NULL, key_name TEXT, key_data TEXT, user_data TEXT,
  config_drive INTEGER NOT NULL, metadata TEXT NOT NULL, system_metadata TEXT NOT NULL, tags TEXT NOT NULL,
  security_groups TEXT NOT NULL, locked_by TEXT, locked_reason TEXT, access_ip_v4 TEXT, access_ip_v6 TEXT,
  auto_disk_config INTEGER NOT NULL, reservation_id TEXT NOT NULL, launch_index INTEGER NOT NULL,
  root_device_name TEXT, progress INTEGER NOT NULL, scheduler_hints TEXT NOT NULL, server_group_id TEXT,
  trusted_image_certificates TEXT, fault TEXT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
  launched_at BIGINT, terminated_at BIGINT, deleted_at BIGINT)`;

const blockDeviceMappings = `CREATE TABLE block_device_mappings (
  id TEXT PRIMARY KEY, server_id TEXT NOT NULL, volume_id TEXT NOT NULL, attachment_id TEXT NOT NULL,
  source_type TEXT NOT NULL, destination_type TEXT NOT NULL, boot_index INTEGER, device_name TEXT,
  delete_on_termination INTEGER NOT NULL, tag TEXT, created_at BIGINT NOT NULL)`;

const interfaces = `CREATE TABLE server_interfaces (
  port_id TEXT PRIMARY KEY, server_id TEXT NOT NULL, network_id TEXT NOT NULL, tag TEXT,
  is_preexisting INTEGER NOT NULL, position INTEGER NOT NULL)`;

const services = `CREATE TABLE compute_services (
  id TEXT PRIMARY KEY, host TEXT NOT NULL, "binary" TEXT NOT NULL, is_disabled INTEGER NOT NULL,
  disabled_reason TEXT, is_forced_down INTEGER NOT NULL, last_seen BIGINT, version INTEGER NOT NULL,
  created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)`;

const nodes = `CREATE TABLE compute_nodes (
  id TEXT PRIMARY KEY, service_id TEXT NOT NULL, host TEXT NOT NULL, hypervisor_hostname TEXT NOT NULL,
  hypervisor_type TEXT NOT NULL, hypervisor_version INTEGER NOT NULL, host_ip TEXT NOT NULL,
  architecture TEXT NOT NULL, vcpus INTEGER NOT NULL, memory_mb INTEGER NOT NULL, local_gb INTEGER NOT NULL,
  cpu_info TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)`;

export const serverMigrations: readonly Migration[] = [
  {
    id: "compute/0001-servers",
    sql: [
      servers,
      // The default order of lists is newest first within a project.
      `CREATE INDEX servers_by_project ON servers (project_id, created_at, id) WHERE deleted_at IS NULL`,
      `CREATE INDEX servers_by_host ON servers (host) WHERE deleted_at IS NULL`,
      `CREATE INDEX servers_changed ON servers (project_id, updated_at)`,
      blockDeviceMappings,
      `CREATE UNIQUE INDEX block_device_mappings_once ON block_device_mappings (server_id, volume_id)`,
      `CREATE INDEX block_device_mappings_by_volume ON block_device_mappings (volume_id)`,
      interfaces,
      `CREATE INDEX server_interfaces_by_server ON server_interfaces (server_id, position)`,
      services,
      `CREATE UNIQUE INDEX compute_services_once ON compute_services (host, "binary")`,
      nodes,
      `CREATE UNIQUE INDEX compute_nodes_by_host ON compute_nodes (host)`,
    ],
  },
];

export const serverVolumeMigrations: readonly Migration[] = [
  {
    id: "compute/0005-doomed-volumes",
    sql: [`CREATE TABLE doomed_volumes (volume_id TEXT PRIMARY KEY, request TEXT NOT NULL)`],
  },
  { id: "compute/0006-deaf-hosts", sql: ["ALTER TABLE compute_services ADD COLUMN deaf_since BIGINT"] },
  {
    id: "compute/0007-migrations",
    sql: [
      `CREATE TABLE server_migrations (
        id TEXT PRIMARY KEY, number INTEGER NOT NULL, server_id TEXT NOT NULL, project_id TEXT NOT NULL,
        user_id TEXT NOT NULL, migration_type TEXT NOT NULL, status TEXT NOT NULL, source TEXT NOT NULL,
        source_compute TEXT NOT NULL, dest TEXT, dest_compute TEXT, dest_host TEXT, old_flavor TEXT NOT NULL,
        new_flavor TEXT NOT NULL, was_running INTEGER NOT NULL, progress TEXT, created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL)`,
      "CREATE UNIQUE INDEX server_migrations_by_number ON server_migrations (number)",
      "CREATE INDEX server_migrations_by_server ON server_migrations (server_id)",
      "CREATE INDEX server_migrations_by_status ON server_migrations (status)",
    ],
  },
];
