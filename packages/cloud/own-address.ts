// The addresses at which other hosts reach this one, where the operator named none: the one from which this
// host reaches the broker, since its cloud's other hosts do so too. A host alone needs none.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Platform } from "@micronova/kit";
import type { CloudConfig } from "./config.ts";

/** For its guests' networks. */
export async function tunnelAddress(platform: Platform, config: CloudConfig): Promise<string | null> {
  return config.network.tunnel_address ?? ownAddress(platform, config, "network.tunnel_address");
}

/** For its volumes; null when they are this host's alone. */
export async function exportAddress(platform: Platform, config: CloudConfig): Promise<string | null> {
  const { export_address: given } = config.volume;
  return given === "auto" ? ownAddress(platform, config, "volume.export_address") : (given ?? null);
}

/** For servers that move here; null when none come from other hosts. */
export async function moveAddress(platform: Platform, config: CloudConfig): Promise<string | null> {
  return config.virt.move_address ?? ownAddress(platform, config, "virt.move_address");
}

async function ownAddress(platform: Platform, config: CloudConfig, setting: string): Promise<string | null> {
  try {
    return await addressTowardsBroker(config);
  } catch (error) {
    platform.log.warn(
      { error, setting },
      "no way to the broker yet, so other hosts do not reach this one; name the setting",
    );
    return null;
  }
}

async function addressTowardsBroker({ bus }: CloudConfig): Promise<string | null> {
  const [broker] = bus.urls;
  if (broker === undefined) return null;
  const address = await addressTowards(new URL(broker).hostname);
  return address.startsWith("127.") ? null : address;
}

/** Nothing is sent: a datagram socket that is connected knows which of our addresses it would send from. */
async function addressTowards(host: string): Promise<string> {
  const socket = createSocket("udp4");
  try {
    socket.connect(anyPort, host);
    await once(socket, "connect");
    return socket.address().address;
  } finally {
    socket.close();
  }
}

// Discard; any would do.
const anyPort = 9;
