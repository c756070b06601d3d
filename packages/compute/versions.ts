// What each microversion of the compute API brought, in a line each. The reference page and the tests of
// views read this.
import type { History } from "@micronova/http";

export const history: History = {
  serviceType: "compute",
  legacyHeader: "X-OpenStack-Nova-API-Version",
  min: "2.1",
  max: "2.104",
  changes: {
    "2.1": "Base. Same as v2.0 with strict body validation.",
    "2.2":
      "Keypairs: request/response gain type (ssh default, x509); POST 200 becomes 201; DELETE 202 " +
      "becomes 204.",
    "2.3":
      "Server detail (admin fields): with OS-EXT-SRV-ATTR: hostname, reservation_id, launch_index, " +
      "kernel_id, ramdisk_id, root_device_name, user_data; os-extended-volumes:volumes_attached[] " +
      "with delete_on_termination.",
    "2.4": "os-fixed-ips show with reserved (now 410).",
    "2.5": "Servers list: filter ip6 works for non-admins.",
    "2.6":
      "New: POST /servers/{id}/remote-consoles; actions os-getVNCConsole, os-getSPICEConsole, " +
      "os-getRDPConsole, os-getSerialConsole end (404 from 2.6).",
    "2.7": "AddTenantAccess on a public flavor: 409 (was accepted).",
    "2.8": "Remote console protocol mks, type webmks.",
    "2.9": "Server show/detail/update/rebuild with locked (bool).",
    "2.10": "Keypairs: user_id query on GET/DELETE and body field on POST (admin).",
    "2.11": "os-services with forced_down; PUT /os-services/force-down.",
    "2.12": "os-virtual-interfaces with OS-EXT-VIF-NET:net_id (now 410).",
    "2.13": "Server groups with project_id, user_id.",
    "2.14": "Evacuate: request without onSharedStorage; response body empty (without adminPass).",
    "2.15": "Server group policies soft-affinity, soft-anti-affinity.",
    "2.16": "Server show/detail with host_status (UP, DOWN, UNKNOWN, MAINTENANCE or ''), admin by policy.",
    "2.17": "New: action trigger_crash_dump.",
    "2.18": "Project id in URL optional (signal only).",
    "2.19":
      "Server description in create, update, rebuild and responses (default null; < 2.19 the stored " +
      "description = name).",
    "2.20": "Attach/detach volume allowed for shelved and shelved_offloaded servers (409 before).",
    "2.21": "os-instance-actions also for deleted servers.",
    "2.22": "New: POST /servers/{id}/migrations/{mid}/action {force_complete:null}.",
    "2.23":
      "New: GET /servers/{id}/migrations[/{mid}]; os-migrations with migration_type, and links for " +
      "in-progress live migrations.",
    "2.24": "New: DELETE /servers/{id}/migrations/{mid} (abort, only status running).",
    "2.25": "os-migrateLive: block_migration may be 'auto'; without disk_over_commit.",
    "2.26":
      "New: /servers/{id}/tags…; server show/detail with tags; list filters tags, tags-any, " +
      "not-tags, not-tags-any.",
    "2.27": "Header OpenStack-API-Version: compute X.Y announced.",
    "2.28": "Hypervisor cpu_info: string becomes object.",
    "2.29": "Evacuate with force (bool); host without force is checked by the scheduler.",
    "2.30": "os-migrateLive with force; host without force is checked by the scheduler.",
    "2.31":
      "os-console-auth-tokens works for every console type (below 2.31: always 400 now; in old " +
      "releases rdp-html5 tokens only).",
    "2.32": "Create: networks[].tag, block_device_mapping_v2[].tag.",
    "2.33": "Hypervisors list: limit/marker, hypervisors_links.",
    "2.34": "os-migrateLive: pre-checks asynchronous becomes no 400 for failed checks.",
    "2.35": "Keypairs list: limit/marker, keypairs_links, sorted by name asc.",
    "2.36":
      "404 for proxies: images, os-networks, os-tenant-networks, os-fixed-ips, os-floating-ips*, " +
      "os-security-groups, os-security-group-rules, os-security-group-default-rules, os-volumes, " +
      "os-snapshots, os-baremetal-nodes, os-fping. Quota sets, quota class sets, limits lose " +
      "floating_ips, fixed_ips, networks, security_groups, security_group_rules (and max/total " +
      "equivalents). PUT quota force was unaccepted in 2.36+ until fixed; now accepted.",
    "2.37": "Create: networks **required**: list, 'none' or 'auto'; networks[].uuid must be a uuid.",
    "2.38": "Servers list with an invalid status becomes 400 (was empty list).",
    "2.39":
      "/images/{id}/metadata becomes 404; limits without maxImageMeta; createImage/createBackup no " +
      "longer check the metadata quota.",
    "2.40": "os-simple-tenant-usage: limit/marker, tenant_usages_links / tenant_usage_links.",
    "2.41": "Aggregates with uuid.",
    "2.42": "Tag accepted again for networks and bdm.",
    "2.43": "os-hosts becomes 404.",
    "2.44":
      "Actions addFixedIp, removeFixedIp, addFloatingIp, removeFloatingIp becomes 404; " +
      "os-virtual-interfaces becomes 404.",
    "2.45": "CreateImage/createBackup: no Location header, body {'image_id': uuid} instead (202).",
    "2.46": "X-OpenStack-Request-ID on responses (sent in all versions).",
    "2.47":
      "Server flavor: {id, links} becomes {vcpus, ram, disk, ephemeral, swap, original_name, " +
      "extra_specs}; extra_specs only by policy (reader).",
    "2.48": "Diagnostics: fixed schema.",
    "2.49": "Attach interface and attach volume with tag.",
    "2.50": "Quota class sets with server_groups, server_group_members; without  network resources.",
    "2.51": "External event volume-extended; instance action show: events for all (traceback admin only).",
    "2.52": "Create with tags.",
    "2.53":
      "os-services: id = uuid, PUT /os-services/{uuid} with status/disabled_reason/forced_down " +
      "returns the full service, old PUT verbs (enable, disable …) becomes 400 Invalid uuid enable; " +
      "os-hypervisors: id uuid, query hypervisor_hostname_pattern, with_servers; /search, /servers " +
      "sub-paths becomes 404; hypervisor service.id uuid.",
    "2.54": "Rebuild with key_name (null unsets); response with key_name.",
    "2.55": "Flavor description in list, detail, show, create; with PUT /flavors/{id}.",
    "2.56": "Migrate with host (string or null).",
    "2.57":
      "Create/rebuild without personality; rebuild with user_data (response too); limits without " +
      "maxPersonality, maxPersonalitySize; quotas without injected_files, " +
      "injected_file_content_bytes, injected_file_path_bytes.",
    "2.58": "os-instance-actions list: limit, marker, changes-since, links; actions with updated_at.",
    "2.59":
      "os-migrations: limit, marker, changes-since, migrations_links, unknown query keys 400; all " +
      "migration views with uuid.",
    "2.60": "Multiattach volumes can be attached (before: 400).",
    "2.61": "Flavor views with extra_specs (policy reader).",
    "2.62": "Instance action events with hostId, and host (admin).",
    "2.63": "Create/rebuild with trusted_image_certificates; show/detail/update/rebuild responses too.",
    "2.64":
      "Server groups: request policy (string) with rules instead of policies; response without " +
      "policies, without metadata, with policy, rules.",
    "2.65": "Abort live migration also in status queued, preparing.",
    "2.66": "Changes-before on servers, os-instance-actions, os-migrations.",
    "2.67": "Bdm v2 with volume_type (image/snapshot/blank becomes volume).",
    "2.68": "Without force from evacuate and os-migrateLive.",
    "2.69":
      "Partial records for cells that are down: servers (id, status UNKNOWN, tenant_id, created, " +
      "links [+ show: image, flavor, AZ, power_state, user_id]), services (binary, host, status " +
      "UNKNOWN).",
    "2.70": "Tag in os-volume_attachments and os-interface responses.",
    "2.71": "Show, update, rebuild (not detail) with server_groups (list of 0 or 1 uuid).",
    "2.72": "Create with ports that have resource_request (before: 400).",
    "2.73":
      "Lock body {'lock':{'locked_reason':…}}; responses with locked_reason; filter and sort key " +
      "locked.",
    "2.74": "Create with host, hypervisor_hostname (admin).",
    "2.75":
      "Unknown query keys becomes 400 (servers, and most lists); PUT and rebuild return the full " +
      "server; flavor swap 0 instead of ''; hypervisors always have servers (with_servers).",
    "2.76": "External event power-update.",
    "2.77":
      "Unshelve {'unshelve':{'availability_zone':az}} (only shelved_offloaded, else 409); body null " +
      "still ok.",
    "2.78": "New: GET /servers/{id}/topology.",
    "2.79": "Attach volume with delete_on_termination; views with it.",
    "2.80": "os-migrations: query user_id, project_id; all migration views with user_id, project_id.",
    "2.81": "New: POST /os-aggregates/{id}/images.",
    "2.82": "External event accelerator-request-bound.",
    "2.83":
      "Servers list: more filters for non-admins (availability_zone, config_drive, key_name, " +
      "created_at, launched_at, terminated_at, power_state, task_state, vm_state, progress, " +
      "user_id).",
    "2.84": "Instance action events with details.",
    "2.85":
      "PUT os-volume_attachments/{vid} may change delete_on_termination (member); all bdm fields " +
      "optional in the body.",
    "2.86": "Extra specs are validated against the known namespaces (400).",
    "2.87":
      "Rescue of volume-backed servers allowed (before 400) when the host has trait " + "COMPUTE_RESCUE_BFV.",
    "2.88":
      "Hypervisors without current_workload, cpu_info, vcpus*, free_disk_gb, local_gb*, " +
      "disk_available_least, free_ram_mb, memory_mb*, running_vms; with uptime; /statistics, " +
      "/{id}/uptime becomes 404.",
    "2.89":
      "Volume attachment list/show without id, with attachment_id, bdm_uuid (POST response " + "unchanged).",
    "2.90":
      "Create/update/rebuild with hostname (RFC 1123 label, 2..63); OS-EXT-SRV-ATTR:hostname " +
      "visible to all; list filter hostname.",
    "2.91": "Unshelve with host (admin), availability_zone: null = unpin; also allowed together.",
    "2.92":
      "Keypairs: public_key required (no generation, no private_key in the answer); name may have @ " +
      "and .",
    "2.93": "Rebuild of volume-backed servers with another image re-images the volume.",
    "2.94": "Hostname may be an FQDN (≤255).",
    "2.95": "Evacuated servers end stopped (SHUTOFF).",
    "2.96": "Show/detail/update/rebuild with pinned_availability_zone (string or null).",
    "2.97": "New: /servers/{id}/shares…; external/instance actions attach_share, detach_share.",
    "2.98":
      "Show/detail/update/rebuild: image.properties (known image properties from the server's " + "copy).",
    "2.99": "Remote console type spice-direct; console-auth-tokens with tls_port, unknown query keys 400.",
    "2.100": "Show/detail/update/rebuild with scheduler_hints (object; {} when none).",
    "2.101": "Attach volume: 202, no body.",
    "2.102":
      "Flavors: filter name; without  rxtx_factor, OS-FLV-DISABLED:disabled in all views, request " +
      "and filters; **all** APIs: unknown query keys becomes 400.",
    "2.103": "/os-volumes_boot becomes 404.",
    "2.104":
      "PUT /servers/{id} with pinned_availability_zone: null = unpin; current AZ = pin; other AZ or " +
      "change from one AZ to another becomes 409; same value = 200 no-op.",
  },
};
