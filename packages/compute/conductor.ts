// The conductor's half of the conversation with hosts: it writes down what they report, since they have no
// database, and tells the schedulers what is new.
import type { Service } from "@micronova/kit";
import { portSpecs } from "@micronova/network";
import type { Handlers } from "@micronova/rpc";
import { conductorContract, hostNews } from "./conductor-contract.ts";
import type { ComputeRoleDeps } from "./deps.ts";
import { recordHost, seeHosts } from "./hosts.ts";
import { metadataService } from "./metadata/service.ts";
import { doomedVolumes } from "./reconcilers/doomed-volumes.ts";
import { syncPower } from "./reconcilers/power-sync.ts";
import { evict } from "./repairs.ts";
import { serviceBeat } from "./service-beat.ts";

/** Reports of hosts a conductor works on at a time. */
const reportsAtOnce = 32;

export function conductorService(deps: ComputeRoleDeps): Service {
  const server = deps.rpc.serve(conductorContract, null, conductorHandlers(deps), {
    prefetch: reportsAtOnce,
  });
  const parts = [
    server,
    metadataService(deps),
    doomedVolumes(deps),
    serviceBeat(deps, "nova-conductor", deps.host),
  ];
  return {
    name: "conductor",
    async start() {
      for (const part of parts) await part.start();
    },
    async stop() {
      for (const part of parts.toReversed()) await part.stop();
    },
  };
}

function conductorHandlers({
  store,
  rpc,
  sagas,
  config,
}: ComputeRoleDeps): Handlers<typeof conductorContract> {
  return {
    async report_host({ hosts }) {
      await store.transaction(async (tx) => {
        for (const report of hosts) await recordHost(tx, report, config);
      });
      await rpc.announce(hostNews, { loads: [], changed: true });
    },
    async heartbeat({ hosts }) {
      const { unknown, changed } = await store.transaction((tx) => seeHosts(tx, hosts));
      const loads = hosts.map(({ host, load }) => ({ host, ...load }));
      await rpc.announce(hostNews, { loads, changed });
      return { unknown };
    },
    async report_power({ host, guests }, { context: request }) {
      return store.transaction(async (tx) => {
        const { orphans, later } = await syncPower(tx, host, guests);
        for (const id of orphans) {
          const text = `${host} runs a guest of server ${id}, which is deleted.`;
          await evict.start(tx, { sagas, request }, { text, about: { kind: "server", id, host } });
        }
        return { later };
      });
    },
    async guest_ports({ host, serverIds }) {
      const rows = await store.read
        .selectFrom("server_interfaces")
        .innerJoin("servers", "servers.id", "server_interfaces.server_id")
        .select("server_interfaces.port_id")
        .where("servers.host", "=", host)
        .where("servers.deleted_at", "is", null)
        .where("servers.id", "in", serverIds)
        .execute();
      return {
        ports: await portSpecs(
          store.read,
          rows.map((row) => row.port_id),
        ),
      };
    },
  };
}
