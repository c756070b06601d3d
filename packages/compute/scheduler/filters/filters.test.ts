// Each filter as a table of cases: host and request in, the operator's sentence or null out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPolicy } from "../defaults.ts";
import type { HostState } from "../host-state.ts";
import { explain } from "../select.ts";
import { aHost, aRequest } from "../testing.ts";

type Case = readonly [Partial<HostState>, Parameters<typeof aRequest>[0], string | null];

const cases: Readonly<Record<string, readonly Case[]>> = {
  RamFilter: [
    [{ memoryMb: 4096, memoryUsedMb: 4000 }, { flavor: { memoryMb: 96 } }, null],
    [
      { memoryMb: 4096, memoryUsedMb: 4000 },
      { flavor: { memoryMb: 512 } },
      "96 MB of memory free, 512 MB wanted",
    ],
    [
      { memoryMb: 4096, memoryReservedMb: 512 },
      { flavor: { memoryMb: 4000 } },
      "3584 MB of memory free, 4000 MB wanted",
    ],
    [{ memoryMb: 4096, memoryUsedMb: 4096, ramRatio: 1.5 }, { flavor: { memoryMb: 2048 } }, null],
    [
      { memoryMb: 4096, ramRatio: 2 },
      { flavor: { memoryMb: 5000 } },
      "4096 MB of memory free, 5000 MB wanted",
    ],
    [{ memoryMb: 4096, memoryUsedMb: 5000 }, { flavor: { memoryMb: 1 } }, "0 MB of memory free, 1 MB wanted"],
  ],
  CoreFilter: [
    [{ vcpus: 4, cpuRatio: 4, vcpusUsed: 12 }, { flavor: { vcpus: 4 } }, null],
    [{ vcpus: 4, cpuRatio: 4, vcpusUsed: 14 }, { flavor: { vcpus: 4 } }, "2 VCPUs free, 4 wanted"],
    [{ vcpus: 4, cpuRatio: 4 }, { flavor: { vcpus: 5 } }, "4 VCPUs free, 5 wanted"],
  ],
  HypervisorFilter: [
    [{ hypervisorType: "KVM" }, {}, null],
    [{ hypervisorType: "KVM" }, { hypervisorType: "QEMU" }, null],
    [{ hypervisorType: "fake" }, { hypervisorType: "QEMU" }, "runs fake, and the server QEMU"],
  ],
  DiskFilter: [
    [{ diskGb: 10, diskUsedGb: 5 }, { flavor: { diskGb: 5 } }, null],
    [{ diskGb: 10, diskUsedGb: 5 }, { flavor: { diskGb: 6 } }, "5 GB of disk free, 6 GB wanted"],
    [{ diskGb: 0 }, { flavor: { diskGb: 0 } }, null],
  ],
  ComputeFilter: [
    [{}, {}, null],
    [{ isEnabled: false, disabledReason: "new disks" }, {}, "disabled: new disks"],
    [{ isEnabled: false, isUp: false }, {}, "disabled: no reason given"],
    [{ isUp: false }, {}, "down: its compute service has not reported lately"],
  ],
  AvailabilityZoneFilter: [
    [{ availabilityZone: "a" }, { availabilityZone: null }, null],
    [{ availabilityZone: "a" }, { availabilityZone: "a" }, null],
    [{ availabilityZone: "a" }, { availabilityZone: "b" }, "in availability zone a, b wanted"],
  ],
  ImagePropertiesFilter: [
    [{}, { imageProperties: { os_distro: "debian" } }, null],
    [{}, { imageProperties: { hw_architecture: "amd64" } }, null],
    [{}, { imageProperties: { architecture: "aarch64" } }, "runs x86_64, the image needs aarch64"],
    [{}, { imageProperties: { img_hv_type: "qemu" } }, null],
    [{}, { imageProperties: { img_hv_type: "xen" } }, "has hypervisor QEMU, the image needs xen"],
  ],
  HostNameFilter: [
    [{ host: "h1" }, { ignoreHosts: ["H1"] }, "left out by the request, which failed here before"],
    [{ host: "h1" }, { ignoreHosts: ["h2"] }, null],
    [{ host: "h1" }, { requestedHost: "h1" }, null],
    [{ host: "h1" }, { requestedHost: "h2" }, "only h2 was asked for"],
    [{ host: "h1", isUp: false }, { forceHost: "h1" }, null],
    [{ host: "h1" }, { forceHost: "h2" }, "only h2 was asked for"],
  ],
};

for (const [name, rows] of Object.entries(cases)) {
  test(`${name} passes and refuses with the reason`, () => {
    for (const [host, request, expected] of rows) {
      const found = explain(aHost(host), aRequest(request), defaultPolicy);
      const mine = found.find(({ filter }) => filter === name)?.reason.text ?? null;
      assert.equal(mine, expected);
    }
  });
}

test("every filter of the default policy has cases", () => {
  assert.deepEqual(defaultPolicy.filters.map(({ name }) => name).sort(), Object.keys(cases).sort());
});
