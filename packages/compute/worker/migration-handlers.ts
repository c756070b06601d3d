// What a host does for servers that move: ports are unplugged with the guest that is put aside, and plugged
// before one arrives or comes back.
import type { ImageCache } from "@micronova/image/host";
import { spanned } from "@micronova/kit";
import type { NetworkDriver, PortSpec } from "@micronova/network";
import type { Handlers } from "@micronova/rpc";
import type { DomainInfo, MigrationDriver, Nic, VirtDriver } from "../drivers/driver.ts";
import { driverErrors } from "../drivers/errors.ts";
import { powerNumber } from "../power.ts";
import type { computeWorkerContract, SpawnResult } from "./contract.ts";
import { domainSpec, onThisHost, pluggedPort, plugPorts, volumeDisk } from "./handlers.ts";

interface HandlerDeps {
  readonly virt: VirtDriver;
  readonly network: NetworkDriver;
  readonly images: ImageCache | null;
}

type MigrationCalls =
  | "ownDisks"
  | "receive"
  | "unreceive"
  | "leave"
  | "send"
  | "arrive"
  | "comeBack"
  | "drop"
  | "forget";

export function migrationHandlers({
  virt,
  network,
  images,
}: HandlerDeps): Pick<Handlers<typeof computeWorkerContract>, MigrationCalls> {
  const driver = virt.migration === null ? null : spanned(virt.name, virt.migration);
  const moving = (): MigrationDriver => {
    if (driver === null) throw driverErrors.cannotMove(virt.name);
    return driver;
  };
  const unplugAll = (portIds: readonly string[]) => Promise.all(portIds.map((id) => network.unplug(id)));
  const plugAll = (ports: readonly PortSpec[]) => plugPorts(network, ports);
  return {
    ownDisks: async ({ serverId }) => ({ disks: await moving().disks(serverId) }),
    receive: async ({ serverId, from, disks }) => ({
      target: await moving().receive(serverId, { from, disks }),
    }),
    unreceive: ({ serverId }) => moving().unreceive(serverId),
    async leave({ serverId, copy, graceMs, portIds }) {
      await moving().leave(serverId, copy, { graceMs });
      await unplugAll(portIds);
    },
    send: ({ serverId, copy, to }) => moving().send(serverId, copy, to),
    async arrive({ on, ...args }) {
      const [nics, local, { architecture }] = await Promise.all([
        plugAll(args.ports),
        onThisHost(images, args),
        virt.inventory(),
      ]);
      return result(await moving().arrive(domainSpec(local, nics, architecture), on), nics);
    },
    async comeBack({ serverId, copy, on, ports, volumes }) {
      const nics = await plugAll(ports);
      const now = { on, nics, volumes: volumes.map(volumeDisk) };
      return result(await moving().comeBack(serverId, copy, now), nics);
    },
    async drop({ serverId, portIds }) {
      await moving().drop(serverId);
      await unplugAll(portIds);
    },
    forget: ({ serverId, copy }) => moving().forget(serverId, copy),
  };
}

function result({ power }: DomainInfo, nics: readonly Nic[]): SpawnResult {
  return { powerState: powerNumber[power], plugged: nics.map(pluggedPort) };
}
