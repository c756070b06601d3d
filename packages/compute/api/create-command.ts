// A boot request's body as the command that the noun takes: older spellings become the newest shape, words
// become values.
import type { Static } from "@micronova/http";
import type { BootVolume } from "../boot-volumes.ts";
import { errors } from "../errors.ts";
import type { CreateServer } from "../server-create.ts";
import { readBool } from "./schemas/parts.ts";
import type { createServerBody } from "./schemas/servers.ts";

type Body = Static<typeof createServerBody>;
type ServerBody = Body["server"];

export function createCommand(body: Body): CreateServer {
  const { server } = body;
  const min_count = Number(server.min_count ?? 1);
  return {
    name: server.name.trim(),
    description: server.description ?? null,
    hostname: server.hostname ?? null,
    imageRef: server.imageRef ?? null,
    flavorRef: String(server.flavorRef).split("/").at(-1) ?? "",
    networks: networksOf(server),
    key_name: server.key_name ?? null,
    user_data: server.user_data ?? null,
    config_drive: readBool(server.config_drive) ?? false,
    metadata: server.metadata ?? {},
    tags: server.tags ?? [],
    security_groups: (server.security_groups ?? []).flatMap(({ name }) => name ?? []),
    availability_zone: server.availability_zone ?? null,
    host: server.host ?? null,
    hypervisor_hostname: server.hypervisor_hostname ?? null,
    hints: { ...(body["os:scheduler_hints"] ?? body["OS-SCH-HNT:scheduler_hints"]) },
    volumes: volumesOf(server),
    min_count,
    max_count: Number(server.max_count ?? min_count),
    access_ip_v4: server.accessIPv4 ?? null,
    access_ip_v6: server.accessIPv6 ?? null,
    auto_disk_config: server["OS-DCF:diskConfig"] !== "MANUAL",
    trusted_image_certificates: server.trusted_image_certificates ?? null,
  };
}

function networksOf({ networks }: ServerBody): CreateServer["networks"] {
  if (networks === undefined || networks === "auto" || networks === "none") return networks ?? null;
  return networks.map((network) => {
    if (network.port == null && network.uuid === undefined) throw errors.networkDuplicated();
    return {
      networkId: network.uuid ?? null,
      portId: network.port ?? null,
      fixedIp: network.fixed_ip ?? null,
      tag: network.tag ?? null,
    };
  });
}

/**
 * The root disk on the host, which an image gives anyway, is no volume; what else is not one yet is refused.
 */
function volumesOf(server: ServerBody): BootVolume[] {
  const newer = (server.block_device_mapping_v2 ?? []).flatMap((device) => {
    const bootIndex = device.boot_index == null ? null : Number(device.boot_index);
    if (device.source_type === "image" && (device.destination_type ?? "local") === "local") return [];
    const volumeId = device.source_type === "volume" ? (device.uuid ?? device.volume_id) : undefined;
    if (volumeId === undefined)
      throw errors.blockDeviceInvalid(
        `a disk of source_type ${device.source_type ?? "none"} is not made here; make a volume first and give it by its id`,
      );
    // Negative indices are Nova's word for "never boot from it".
    return [volumeOf(volumeId, device, bootIndex !== null && bootIndex >= 0 ? bootIndex : null)];
  });
  const older = (server.block_device_mapping ?? []).map((device, at) => {
    if (device.volume_id === undefined)
      throw errors.blockDeviceInvalid("only volumes are attached here; give volume_id");
    const bootsFromIt = at === 0 && (server.imageRef ?? "") === "";
    return volumeOf(device.volume_id, device, bootsFromIt ? 0 : null);
  });
  return [...newer, ...older];
}

interface Device {
  readonly device_name?: string;
  readonly delete_on_termination?: unknown;
  readonly tag?: string;
}

function volumeOf(volumeId: string, device: Device, bootIndex: number | null): BootVolume {
  return {
    volumeId,
    bootIndex,
    device: device.device_name ?? null,
    deleteOnTermination: readBool(device.delete_on_termination) ?? false,
    tag: device.tag ?? null,
  };
}
