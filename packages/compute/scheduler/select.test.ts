// The decision: every host accounted for, no dependence on order, Nova's scale, and a refusal one can act on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "@micronova/kit";
import fc from "fast-check";
import { defaultPolicy, explain, type HostState, refusal, select } from "./index.ts";
import { aHost, aRequest } from "./testing.ts";
import { normalise } from "./weigher.ts";

const someHost = fc.record({
  isEnabled: fc.boolean(),
  isUp: fc.boolean(),
  availabilityZone: fc.constantFrom("a", "b"),
  architectures: fc.constantFrom(["x86_64"], ["aarch64"]),
  memoryUsedMb: fc.integer({ min: 0, max: 20_000 }),
  vcpusUsed: fc.integer({ min: 0, max: 40 }),
  diskUsedGb: fc.integer({ min: 0, max: 120 }),
  ioOpsCount: fc.nat(5),
});
const someHosts = fc
  .array(someHost, { maxLength: 20 })
  .map((hosts) => hosts.map((host, at) => aHost({ ...host, host: `h${at}` })));
const someRequest = fc
  .record({
    availabilityZone: fc.constantFrom(null, "a"),
    ignoreHosts: fc.constantFrom([], ["h1", "h2"]),
    flavor: fc.record({
      memoryMb: fc.integer({ min: 1, max: 20_000 }),
      vcpus: fc.integer({ min: 1, max: 10 }),
    }),
  })
  .map(aRequest);

const choose = (hosts: readonly HostState[], request = aRequest(), seed: number | string = 1) =>
  select(hosts, request, defaultPolicy, seededRandom(seed));

test("hosts rejected and passed are the hosts considered, each once and for a reason that holds", () => {
  fc.assert(
    fc.property(someHosts, someRequest, (hosts, request) => {
      const { ranked, rejections } = choose(hosts, request);
      const seen = [...ranked.map(({ host }) => host.host), ...rejections.keys()].sort();
      assert.deepEqual(seen, hosts.map(({ host }) => host).sort());
      for (const host of hosts) {
        const all = explain(host, request, defaultPolicy);
        assert.deepEqual(rejections.get(host.host), all[0]);
      }
    }),
  );
});

test("the order in which hosts come does not matter", () => {
  fc.assert(
    fc.property(someHosts, someRequest, fc.integer(), (hosts, request, seed) => {
      const shuffled = seededRandom(seed).shuffle(hosts);
      const names = (selection: ReturnType<typeof choose>) => selection.ranked.map(({ host }) => host.host);
      assert.deepEqual(names(choose(shuffled, request, 7)), names(choose(hosts, request, 7)));
    }),
  );
});

test("scores fall along the ranking and are the sum of their weights", () => {
  fc.assert(
    fc.property(someHosts, (hosts) => {
      const { ranked } = choose(hosts);
      for (const [at, { score, weights }] of ranked.entries()) {
        assert(at === 0 || ranked[at - 1]!.score >= score);
        const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
        assert(Math.abs(sum - score) < 1e-9);
      }
    }),
  );
});

test("weights are brought to one scale as Nova does", () => {
  assert.deepEqual(normalise([10, 20, 30], undefined), [0, 0.5, 1]);
  assert.deepEqual(normalise([10, 20], 0), [0.5, 1]);
  assert.deepEqual(normalise([-10, 20], 0), [0, 1]);
  assert.deepEqual(normalise([5, 5], undefined), [0, 0]);
  assert.deepEqual(normalise([-5, -1], 0), [0, 0]);
  assert.deepEqual(normalise([], 0), []);
});

test("the host with the most room wins, a busy one loses", () => {
  const hosts = [
    aHost({ host: "full", memoryUsedMb: 8000 }),
    aHost({ host: "free" }),
    aHost({ host: "busy", load: { cpu: 3, freeMemoryMb: 16_000, freeDiskGb: 100 } }),
  ];

  assert.equal(choose(hosts).ranked[0]!.host.host, "free");
});

test("equal hosts share the work, and one server's draw is always the same", () => {
  const hosts = ["a", "b", "c", "d"].map((host) => aHost({ host }));
  const winners = Array.from(
    { length: 400 },
    (_, at) => choose(hosts, aRequest(), `server-${at}`).ranked[0]!.host.host,
  );

  for (const { host } of hosts) assert(winners.filter((winner) => winner === host).length > 60);
  assert.deepEqual(choose(hosts, aRequest(), "x").ranked, choose(hosts, aRequest(), "x").ranked);
});

test("a winner can be drawn from the best few", () => {
  const hosts = [0, 1, 2, 3].map((at) => aHost({ host: `h${at}`, memoryUsedMb: at * 1000 }));
  const policy = { ...defaultPolicy, hostSubsetSize: 2 };
  const winners = Array.from(
    { length: 50 },
    (_, seed) => select(hosts, aRequest(), policy, seededRandom(seed)).ranked[0]!.host.host,
  );

  assert.deepEqual([...new Set(winners)].sort(), ["h0", "h1"]);
});

test("a forced host is taken without filters, another is not", () => {
  const hosts = [aHost({ host: "h1" }), aHost({ host: "h2", isEnabled: false, memoryMb: 0 })];

  const { ranked } = choose(hosts, aRequest({ forceHost: "h2" }));

  assert.deepEqual(
    ranked.map(({ host }) => host.host),
    ["h2"],
  );
});

test("a refusal counts hosts by cause, with what was needed and the best there is", () => {
  const short = (count: number, memoryMb: number) =>
    Array.from({ length: count }, (_, at) => aHost({ host: `m${memoryMb}-${at}`, memoryMb }));
  const off = [aHost({ host: "d1", isEnabled: false }), aHost({ host: "d2", isEnabled: false })];
  const large = aRequest({ flavor: { memoryMb: 999_999 } });

  assert.equal(
    refusal(choose([...short(9, 2048), ...short(1, 3512), ...off], large)),
    "No valid host was found. 12 hosts: 10 short of memory, need 999999 MB, best has 3512 MB; 2 disabled.",
  );
  assert.equal(
    refusal(choose([aHost()], aRequest({ flavor: { vcpus: 64 } }))),
    "No valid host was found. 1 host: 1 short of VCPUs, need 64 VCPUs, best has 8 VCPUs.",
  );
  assert.equal(
    refusal(choose([aHost()], aRequest({ imageProperties: { hw_architecture: "ppc64le" } }))),
    "No valid host was found. 1 host: 1 of another CPU architecture, need ppc64le.",
  );
  assert.equal(refusal(choose([])), "No valid host was found. There are no hosts.");
});
