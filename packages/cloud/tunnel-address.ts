// The address at which other hosts reach this one's networks, where the operator named none: the one from
// which this host reaches the broker, since its cloud's other hosts do so too. A host alone needs none.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Platform } from "@micronova/kit";
import type { CloudConfig } from "./config.ts";

export async function tunnelAddress(platform: Platform, config: CloudConfig): Promise<string | null> {
  const { tunnel_address: given } = config.network;
  const [broker] = config.bus.urls;
  if (given !== undefined || broker === undefined) return given ?? null;
  try {
    const address = await addressTowards(new URL(broker).hostname);
    return address.startsWith("127.") ? null : address;
  } catch (error) {
    platform.log.warn(
      { error },
      "no way to the broker yet, so this host joins no other's networks; name network.tunnel_address",
    );
    return null;
  }
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
