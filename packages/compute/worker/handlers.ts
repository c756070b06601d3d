// What a host does for each call of its contract. Everything is idempotent because the drivers are: ports are
// plugged before a guest needs them, and unplugged after it let them go.
import type { ImageBytes } from "@micronova/image";
import type { ImageCache } from "@micronova/image/host";
import { spanned, type Uuid } from "@micronova/kit";
import type { NetworkDriver, PluggedPort, PortSpec } from "@micronova/network";
import type { Handlers } from "@micronova/rpc";
import type { Nic, VirtDriver, VolumeDisk } from "../drivers/driver.ts";
import { powerNumber } from "../power.ts";
import type { computeWorkerContract, SpawnArgs, VolumeToAttach } from "./contract.ts";
import { migrationHandlers } from "./migration-handlers.ts";

interface HandlerDeps {
  readonly virt: VirtDriver;
  /** Null on a host that shares the APIs' directory of images. */
  readonly images: ImageCache | null;
  readonly network: NetworkDriver;
}

export function workerHandlers(given: HandlerDeps): Handlers<typeof computeWorkerContract> {
  const virt = spanned(given.virt.name, given.virt);
  const network = spanned(`${given.network.name} network`, given.network);
  const plugAll = (ports: readonly PortSpec[]) => plugPorts(network, ports);
  return {
    ping: async () => undefined,
    async list({ serverIds }) {
      const guests = await virt.list();
      const copies = (await virt.migration?.copies()) ?? [];
      const isAsked = ({ serverId }: { readonly serverId: Uuid }) => serverIds?.includes(serverId) ?? true;
      return { guests: guests.filter(isAsked), copies: copies.filter(isAsked) };
    },
    async spawn(args) {
      const [here, nics, { architecture }] = await Promise.all([
        onThisHost(given.images, args),
        plugAll(args.ports),
        virt.inventory(),
      ]);
      const domain = await virt.spawn(domainSpec(here, nics, architecture));
      return { powerState: powerNumber[domain.power], plugged: nics.map(pluggedPort) };
    },
    async destroy({ serverId, portIds }) {
      await virt.destroy(serverId);
      await Promise.all(portIds.map((portId) => network.unplug(portId)));
    },
    async power({ serverId, on, graceMs, ports }) {
      if (on) await plugAll(ports);
      await virt.power(serverId, on, { graceMs });
    },
    async reboot({ serverId, kind, ports }, { operation }) {
      await plugAll(ports);
      await virt.reboot(serverId, kind, operation ?? "");
    },
    pause: ({ serverId, paused }) => virt.pause(serverId, paused),
    suspend: ({ serverId, suspended }) => virt.suspend(serverId, suspended),
    attachVolume: ({ serverId, volume }) => virt.attachVolume(serverId, volumeDisk(volume)),
    detachVolume: ({ serverId, volumeId }) => virt.detachVolume(serverId, volumeId),
    async attachPort({ serverId, port }) {
      const nic = await plugPort(network, port);
      await virt.attachNic(serverId, nic);
      return pluggedPort(nic);
    },
    async detachPort({ serverId, portId }) {
      await virt.detachNic(serverId, portId);
      await network.unplug(portId);
    },
    ...migrationHandlers({ virt, network, images: given.images }),
    consoleOutput: async ({ serverId, lines }) => ({ output: await virt.consoleOutput(serverId, lines) }),
  };
}

/** The same server, with its image, kernel and ramdisk where this host has them. */
export async function onThisHost(images: ImageCache | null, args: SpawnArgs): Promise<SpawnArgs> {
  const { image, kernel } = args;
  const bootFile = (bytes: ImageBytes | null | undefined) =>
    images === null || bytes == null ? null : images.bootFile(bytes);
  const [path, kernelPath, ramdiskPath] = await Promise.all([
    images === null || image?.bytes === undefined ? null : images.file(image.bytes),
    bootFile(kernel?.kernelBytes),
    bootFile(kernel?.ramdiskBytes),
  ]);
  return {
    ...args,
    image: image === null ? null : { imageId: image.imageId, path: path ?? image.path, format: image.format },
    kernel:
      kernel === null
        ? null
        : {
            kernelPath: kernelPath ?? kernel.kernelPath,
            ramdiskPath: ramdiskPath ?? kernel.ramdiskPath,
            commandLine: kernel.commandLine,
          },
  };
}

export function plugPorts(network: NetworkDriver, ports: readonly PortSpec[]): Promise<Nic[]> {
  return Promise.all(ports.map((port) => plugPort(network, port)));
}

async function plugPort(network: NetworkDriver, port: PortSpec): Promise<Nic> {
  const plug = await network.plug(port);
  return { portId: port.id, macAddress: port.mac_address, mtu: port.network.mtu, plug };
}

export function pluggedPort({ portId, plug }: Nic): PluggedPort {
  return { portId, sshPort: plug.kind === "user" ? plug.sshPort : null };
}

export function domainSpec(args: SpawnArgs, nics: readonly Nic[], hostArchitecture: string) {
  const { ports: _ports, volumes, architecture, ...rest } = args;
  return { ...rest, architecture: architecture ?? hostArchitecture, nics, volumes: volumes.map(volumeDisk) };
}

export function volumeDisk({ connection, device, bootIndex }: VolumeToAttach): VolumeDisk {
  return { ...connection, device, bootIndex };
}
