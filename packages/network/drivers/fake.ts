// A host without a network, for tests and for hosts that are only pretended. Keeps the ports in memory.
import type { Uuid } from "@micronova/kit";
import { type NetworkDriver, noTunnel, type PortSpec } from "./driver.ts";

export function fakeNetworkDriver(): NetworkDriver {
  const ports = new Map<Uuid, PortSpec>();
  return {
    name: "fake",
    metadata: null,
    async start() {},
    async stop() {},
    async dispose() {
      ports.clear();
    },
    async apply(wanted) {
      ports.clear();
      for (const port of wanted.ports) ports.set(port.id, port);
    },
    async refresh(wanted) {
      for (const port of wanted.ports) if (ports.has(port.id)) ports.set(port.id, port);
    },
    async plug(port) {
      ports.set(port.id, port);
      return { kind: "none" };
    },
    async unplug(portId) {
      ports.delete(portId);
    },
    list: async () => [...ports.keys()],
    tunnel: async () => noTunnel,
  };
}
