// Hosts and requests for tests: ordinary ones, of which a test says only what matters to it.
import type { HostState } from "./host-state.ts";
import type { RequestSpec } from "./request-spec.ts";

export function aHost(about: Partial<HostState> = {}): HostState {
  return {
    host: "h1",
    availabilityZone: "nova",
    isEnabled: true,
    disabledReason: null,
    isUp: true,
    isDeaf: false,
    architectures: ["x86_64"],
    hypervisorType: "QEMU",
    vcpus: 8,
    vcpusUsed: 0,
    memoryMb: 16_384,
    memoryUsedMb: 0,
    memoryReservedMb: 0,
    diskGb: 100,
    diskUsedGb: 0,
    diskReservedGb: 0,
    cpuRatio: 4,
    ramRatio: 1,
    diskRatio: 1,
    serverCount: 0,
    ioOpsCount: 0,
    load: null,
    ...about,
  };
}

export function aRequest(
  about: Partial<Omit<RequestSpec, "flavor">> & { readonly flavor?: Partial<RequestSpec["flavor"]> } = {},
): RequestSpec {
  return {
    serverId: "11111111-1111-4111-8111-111111111111",
    projectId: "project",
    imageProperties: {},
    availabilityZone: null,
    forceHost: null,
    requestedHost: null,
    ignoreHosts: [],
    hints: {},
    ...about,
    flavor: { name: "m1.tiny", vcpus: 1, memoryMb: 512, diskGb: 1, extraSpecs: {}, ...about.flavor },
  };
}
