// A scheduler: keeps hosts in memory, and answers where a server may go. What it hands out it also takes off
// its own picture, so that requests that come together spread; the tables are read again when the picture is
// old, and always before it says that no host fits.
import { type Platform, type Service, seededRandom } from "@micronova/kit";
import { hostNews } from "./conductor-contract.ts";
import type { ComputeRoleDeps } from "./deps.ts";
import { errors } from "./errors.ts";
import { type KnownHost, readHostStates } from "./host-states.ts";
import { defaultPolicy, type HostLoad, type RequestSpec, refusalReason, select } from "./scheduler/index.ts";
import { type Destinations, schedulerContract } from "./scheduler-contract.ts";
import { serviceBeat } from "./service-beat.ts";

/**
 * How old the picture of the hosts may be. Claims are what is safe, so a little age costs nothing but a
 * second try.
 */
const pictureMaxMs = 1_000;
/** The best host and so many alternates: enough for those that ask at the same moment to miss each other. */
const candidatesMax = 8;
const requestsAtOnce = 64;

export function schedulerService(deps: ComputeRoleDeps): Service {
  const { rpc } = deps;
  const picture = new HostPicture(deps);
  const server = rpc.serve(
    schedulerContract,
    null,
    { select_destinations: (request) => destinations(picture, deps.platform, request) },
    { prefetch: requestsAtOnce },
  );
  const news = rpc.listen(hostNews, ({ loads, changed }) => picture.hear(loads, changed));
  const parts = [news, server, serviceBeat(deps, "nova-scheduler", deps.host)];
  return {
    name: "scheduler",
    async start() {
      for (const part of parts) await part.start();
    },
    async stop() {
      for (const part of parts.toReversed()) await part.stop();
    },
  };
}

async function destinations(
  picture: HostPicture,
  { metrics }: Pick<Platform, "metrics">,
  request: RequestSpec,
): Promise<Destinations> {
  let selection = choose(await picture.hosts(), request);
  if (selection.ranked.length === 0) selection = choose(await picture.freshHosts(), request);
  const [best] = selection.ranked;
  if (best === undefined) throw errors.noValidHost(refusalReason(selection));
  picture.consume(best.host.host, request);
  metrics.count("micronova_scheduler_placements_total");
  return {
    candidates: selection.ranked.slice(0, candidatesMax).map(({ host }) => ({
      host: host.host,
      nodeId: host.nodeId,
      node: host.node,
      availabilityZone: host.availabilityZone,
    })),
  };
}

/** Ties are broken by the server's id, so that any decision can be replayed. */
function choose(hosts: readonly KnownHost[], request: RequestSpec) {
  return select(hosts, request, defaultPolicy, seededRandom(request.serverId));
}

class HostPicture {
  readonly #deps: ComputeRoleDeps;
  readonly #loads = new Map<string, HostLoad>();
  #hosts = new Map<string, KnownHost>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(deps: ComputeRoleDeps) {
    this.#deps = deps;
  }

  async hosts(): Promise<readonly KnownHost[]> {
    const age = this.#deps.platform.clock.monotonic() - this.#readAt;
    if (age >= pictureMaxMs) await this.freshHosts();
    return [...this.#hosts.values()];
  }

  async freshHosts(): Promise<readonly KnownHost[]> {
    const { store, config, platform } = this.#deps;
    // Set before the reading, so that those who ask meanwhile do not read too.
    this.#readAt = platform.clock.monotonic();
    const hosts = await readHostStates(store.read, config, this.#loads);
    this.#hosts = new Map(hosts.map((host) => [host.host, host]));
    return hosts;
  }

  hear(loads: readonly (HostLoad & { readonly host: string })[], hasChanged: boolean): void {
    for (const { host, ...load } of loads) {
      this.#loads.set(host, load);
      const known = this.#hosts.get(host);
      if (known !== undefined) this.#hosts.set(host, { ...known, load });
    }
    if (hasChanged) this.#readAt = Number.NEGATIVE_INFINITY;
  }

  consume(host: string, { flavor }: RequestSpec): void {
    const known = this.#hosts.get(host);
    if (known === undefined) return;
    this.#hosts.set(host, {
      ...known,
      vcpusUsed: known.vcpusUsed + flavor.vcpus,
      memoryUsedMb: known.memoryUsedMb + flavor.memoryMb,
      diskUsedGb: known.diskUsedGb + flavor.diskGb,
      serverCount: known.serverCount + 1,
      ioOpsCount: known.ioOpsCount + 1,
    });
  }
}
