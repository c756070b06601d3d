// The schema of networks.
import type { Migration } from "@micronova/store";

const standard = `id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
  revision_number BIGINT NOT NULL, tags TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL`;

export const networkMigrations: Migration[] = [
  {
    id: "network/0001-networks",
    sql: [
      `CREATE TABLE networks (${standard}, admin_state_up INTEGER NOT NULL, shared INTEGER NOT NULL,
        is_external INTEGER NOT NULL, is_default INTEGER NOT NULL, mtu INTEGER NOT NULL,
        port_security_enabled INTEGER NOT NULL, dns_domain TEXT NOT NULL)`,
      "CREATE INDEX networks_project ON networks (project_id)",
      `CREATE TABLE subnets (${standard}, network_id TEXT NOT NULL REFERENCES networks (id),
        ip_version INTEGER NOT NULL, cidr TEXT NOT NULL, first_address BIGINT NOT NULL,
        last_address BIGINT NOT NULL,
        gateway_ip TEXT, enable_dhcp INTEGER NOT NULL, allocation_pools TEXT NOT NULL,
        dns_nameservers TEXT NOT NULL, host_routes TEXT NOT NULL)`,
      "CREATE INDEX subnets_network ON subnets (network_id)",
      `CREATE TABLE ports (${standard}, network_id TEXT NOT NULL REFERENCES networks (id),
        admin_state_up INTEGER NOT NULL, mac_address TEXT NOT NULL, device_id TEXT NOT NULL,
        device_owner TEXT NOT NULL,
        port_security_enabled INTEGER NOT NULL, binding_host TEXT, binding_profile TEXT NOT NULL,
        binding_vnic_type TEXT NOT NULL, hostname TEXT NOT NULL)`,
      "CREATE UNIQUE INDEX ports_mac ON ports (network_id, mac_address)",
      "CREATE INDEX ports_device ON ports (device_id)",
      "CREATE INDEX ports_project ON ports (project_id)",
      "CREATE INDEX ports_host ON ports (binding_host)",
      `CREATE TABLE ip_allocations (port_id TEXT NOT NULL REFERENCES ports (id), network_id TEXT NOT NULL,
        subnet_id TEXT NOT NULL REFERENCES subnets (id), ip_address TEXT NOT NULL, address BIGINT NOT NULL,
        position INTEGER NOT NULL)`,
      // The one guard of addresses: whoever inserts first has it.
      "CREATE UNIQUE INDEX ip_allocations_address ON ip_allocations (subnet_id, address)",
      "CREATE INDEX ip_allocations_port ON ip_allocations (port_id)",
      "CREATE INDEX ip_allocations_network ON ip_allocations (network_id, ip_address)",
    ],
  },
  {
    id: "network/0002-security-groups",
    sql: [
      `CREATE TABLE security_groups (${standard}, stateful INTEGER NOT NULL, is_default INTEGER NOT NULL)`,
      "CREATE INDEX security_groups_project ON security_groups (project_id)",
      "CREATE UNIQUE INDEX security_groups_default ON security_groups (project_id) WHERE is_default = 1",
      `CREATE TABLE security_group_rules (id TEXT PRIMARY KEY, project_id TEXT NOT NULL,
        security_group_id TEXT NOT NULL REFERENCES security_groups (id), direction TEXT NOT NULL,
        ethertype TEXT NOT NULL, protocol TEXT, port_range_min INTEGER, port_range_max INTEGER,
        remote_ip_prefix TEXT, remote_group_id TEXT,
        description TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)`,
      "CREATE INDEX security_group_rules_group ON security_group_rules (security_group_id)",
      `CREATE TABLE port_security_groups (port_id TEXT NOT NULL REFERENCES ports (id),
        security_group_id TEXT NOT NULL REFERENCES security_groups (id), PRIMARY KEY (port_id, security_group_id))`,
      "CREATE INDEX port_security_groups_group ON port_security_groups (security_group_id)",
    ],
  },
  {
    id: "network/0003-routers-quotas-agents",
    sql: [
      `CREATE TABLE routers (${standard}, admin_state_up INTEGER NOT NULL, gateway_network_id TEXT,
        enable_snat INTEGER NOT NULL)`,
      `CREATE TABLE network_quotas (project_id TEXT NOT NULL, resource TEXT NOT NULL, quota_limit BIGINT NOT NULL,
        PRIMARY KEY (project_id, resource))`,
      `CREATE TABLE network_agents (id TEXT PRIMARY KEY, host TEXT NOT NULL UNIQUE, driver TEXT NOT NULL,
        filtering INTEGER NOT NULL, admin_state_up INTEGER NOT NULL, ports INTEGER NOT NULL,
        rules_wanted BIGINT NOT NULL, rules_applied BIGINT NOT NULL, created_at BIGINT NOT NULL,
        started_at BIGINT NOT NULL, heartbeat_at BIGINT NOT NULL)`,
    ],
  },
  {
    id: "network/0004-vifs",
    sql: ["ALTER TABLE ports ADD COLUMN vif_type TEXT", "ALTER TABLE ports ADD COLUMN vif_details TEXT"],
  },
  {
    // Networks of before stay on each host alone: their guests send more than fits between hosts.
    id: "network/0005-overlays",
    sql: [
      "ALTER TABLE networks ADD COLUMN segmentation_id BIGINT",
      "CREATE UNIQUE INDEX networks_segmentation ON networks (segmentation_id)",
      "ALTER TABLE network_agents ADD COLUMN tunnel_address TEXT",
      "ALTER TABLE network_agents ADD COLUMN tunnel_fault TEXT",
    ],
  },
];
