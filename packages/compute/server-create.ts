// Boots servers: looks up what the request names, then writes the rows and starts the sagas in one
// transaction.
import { createHash } from "node:crypto";
import type { RequestContext, Uuid } from "@micronova/kit";
import { newId, now, type Tx } from "@micronova/store";
import { type Boot, groupOf, resolveBoot } from "./boot.ts";
import { type PlannedNetworks, planNetworks, portsFor, type RequestedNetwork } from "./boot-networks.ts";
import { addBootVolumes, type BootVolume } from "./boot-volumes.ts";
import type { ComputeDeps } from "./deps.ts";
import { rootDevice } from "./device-names.ts";
import { errors } from "./errors.ts";
import { checkServerQuota } from "./quotas.ts";
import { serverCreate } from "./sagas/server-create.ts";
import type { RequestSpec } from "./scheduler-contract.ts";
import { metadataItemsMax } from "./server-metadata.ts";
import { wantedFlavor } from "./server-resources.ts";
import { serverSubject } from "./servers.ts";
import { powerStates, serverStates } from "./states.ts";
import type { Server } from "./tables.ts";

/** A request to boot, in the newest shape. */
export interface CreateServer {
  readonly name: string;
  readonly description: string | null;
  readonly hostname: string | null;
  readonly imageRef: string | null;
  readonly flavorRef: string;
  readonly networks: "auto" | "none" | null | readonly RequestedNetwork[];
  readonly key_name: string | null;
  readonly user_data: string | null;
  readonly config_drive: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  /** Names or ids. */
  readonly security_groups: readonly string[];
  readonly availability_zone: string | null;
  readonly host: string | null;
  readonly hypervisor_hostname: string | null;
  readonly hints: Readonly<Record<string, unknown>>;
  readonly volumes: readonly BootVolume[];
  readonly min_count: number;
  readonly max_count: number;
  readonly access_ip_v4: string | null;
  readonly access_ip_v6: string | null;
  readonly auto_disk_config: boolean;
  readonly trusted_image_certificates: readonly string[] | null;
}

/** The servers, in state building. Either all rows are written and their sagas recorded, or nothing. */
export async function createServers(
  deps: ComputeDeps,
  context: RequestContext,
  wanted: CreateServer,
): Promise<Server[]> {
  const { store, sagas, config } = deps;
  if (wanted.min_count > wanted.max_count) throw errors.countsReversed();
  if (Object.keys(wanted.metadata).length > metadataItemsMax) throw errors.metadataTooMany(metadataItemsMax);
  const boot = await resolveBoot(store.read, context, wanted);
  const networks = await planNetworks(store.read, context, wanted);
  return store.transaction(async (tx) => {
    const { vcpus, ram } = boot.flavor;
    const count = await checkServerQuota(tx, context, {
      min: wanted.min_count,
      max: wanted.max_count,
      cores: vcpus,
      ram,
    });
    const rows = serverRows(tx, context, { wanted, boot, networks, count });
    const servers = await tx.insertInto("servers").values(rows).returningAll().execute();
    for (const server of inOrder(servers)) {
      const hasVolumes = await addBootVolumes(tx, context, server, wanted.volumes);
      const params = {
        serverId: server.id,
        userId: server.user_id,
        hostname: server.hostname,
        request: requestSpec(server, boot, wanted),
        ports: portsFor(tx, networks),
        hasVolumes,
        dhcpDomain: config.dhcp_domain,
      };
      const options = { subject: serverSubject(server.id), request: context, action: "create" };
      await sagas.start(tx, serverCreate, params, options);
    }
    return inOrder(servers);
  });
}

const inOrder = (servers: readonly Server[]) =>
  servers.toSorted((one, other) => one.launch_index - other.launch_index);

interface Planned {
  readonly wanted: CreateServer;
  readonly boot: Boot;
  readonly networks: PlannedNetworks;
  readonly count: number;
}

/** One row a server; several share a reservation and are numbered. */
function serverRows(tx: Tx, context: RequestContext, planned: Planned): Server[] {
  const { wanted, boot, networks, count } = planned;
  const at = now(tx);
  const isSeveral = wanted.max_count > 1;
  const common = commonColumns(planned, context);
  const reservation_id = `r-${newId(tx).slice(0, 8)}`;
  return Array.from({ length: count }, (_, launch_index) => {
    const name = isSeveral ? `${wanted.name}-${launch_index + 1}` : wanted.name;
    const id: Uuid = newId(tx);
    const hostname = wanted.hostname ?? hostnameOf(name, id);
    return {
      ...common,
      id,
      name,
      // Before 2.19 the description was the name, which the API passes on as such.
      description: wanted.description,
      hostname: isSeveral && wanted.hostname !== null ? `${hostname}-${launch_index + 1}` : hostname,
      availability_zone: boot.zone,
      pinned_availability_zone: boot.zone,
      security_groups: JSON.stringify(networks.groupNames),
      reservation_id,
      launch_index,
      created_at: at,
      updated_at: at,
    };
  });
}

type CommonColumns = Omit<
  Server,
  | "id"
  | "name"
  | "description"
  | "hostname"
  | "availability_zone"
  | "pinned_availability_zone"
  | "security_groups"
  | "reservation_id"
  | "launch_index"
  | "created_at"
  | "updated_at"
>;

function commonColumns({ wanted, boot }: Planned, context: RequestContext): CommonColumns {
  const { flavor, image, key } = boot;
  const { task } = serverStates.actions.create;
  return {
    project_id: context.projectId ?? "",
    user_id: context.userId ?? "",
    vm_state: serverStates.initial,
    task_state: task,
    power_state: powerStates.pending,
    host: null,
    node_id: null,
    node: null,
    image_id: image?.id ?? null,
    image_properties: JSON.stringify(imagePropertiesOf(image)),
    kernel_id: image?.properties["kernel_id"] ?? null,
    ramdisk_id: image?.properties["ramdisk_id"] ?? null,
    flavor_id: flavor.flavorid,
    flavor: JSON.stringify(flavor),
    vcpus: flavor.vcpus,
    memory_mb: flavor.ram,
    key_name: key?.name ?? null,
    key_data: key === null ? null : JSON.stringify(key),
    user_data: wanted.user_data,
    config_drive: wanted.config_drive || image?.properties["img_config_drive"] === "mandatory" ? 1 : 0,
    metadata: JSON.stringify(wanted.metadata),
    system_metadata: "{}",
    tags: JSON.stringify([...new Set(wanted.tags)]),
    locked_by: null,
    locked_reason: null,
    access_ip_v4: wanted.access_ip_v4,
    access_ip_v6: wanted.access_ip_v6,
    auto_disk_config: wanted.auto_disk_config ? 1 : 0,
    root_device_name: rootDevice,
    progress: 0,
    scheduler_hints: JSON.stringify(wanted.hints),
    server_group_id: groupOf(wanted.hints),
    trusted_image_certificates:
      wanted.trusted_image_certificates === null ? null : JSON.stringify(wanted.trusted_image_certificates),
    fault: null,
    launched_at: null,
    terminated_at: null,
    deleted_at: null,
  };
}

function imagePropertiesOf(image: Boot["image"]): Record<string, string> {
  return image === null ? {} : { ...image.properties };
}

/**
 * The name as a label of the domain name system; a name with no letter or digit of it becomes the server's
 * id.
 */
function hostnameOf(name: string, id: Uuid): string {
  const label = name
    .toLowerCase()
    .replaceAll(/[ _]/g, "-")
    .replaceAll(/[^a-z0-9.-]/g, "")
    .replaceAll(".", "-")
    .replace(/^[-.]+/, "")
    .slice(0, 63)
    .replace(/[-.]+$/, "");
  return label === "" ? `server-${id}` : label;
}

function requestSpec(
  server: Server,
  { flavor, image, zone, forceHost, requestedHost }: Boot,
  { hints }: CreateServer,
): Omit<RequestSpec, "ignoreHosts"> {
  return {
    serverId: server.id,
    projectId: server.project_id,
    flavor: wantedFlavor(flavor, image !== null),
    imageProperties: imagePropertiesOf(image),
    availabilityZone: zone,
    forceHost,
    requestedHost,
    hints,
  };
}

const passwordCharacters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const passwordLength = 12;

/** The password an answer shows, from the store's source of chance. */
export function makePassword(tx: Tx): string {
  const digest = createHash("sha256").update(newId(tx)).update(newId(tx)).digest();
  return Array.from({ length: passwordLength }, (_, at) => {
    // 57 characters over 16 bits: no character is likelier than another by more than a thousandth.
    return passwordCharacters[digest.readUInt16BE(at * 2) % passwordCharacters.length];
  }).join("");
}
