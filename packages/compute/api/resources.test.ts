import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { sameShape } from "@micronova/http/testing";
import { type TestResources, testResources } from "./testing-resources.ts";

const samples = new URL("../../../../shared/api/samples/compute/", import.meta.url);
const skip = existsSync(samples) ? false : "the golden samples are not here";

interface Golden {
  /** The first version that shows this shape. */
  readonly at: string;
  readonly ask: string;
  readonly sample: string;
  readonly body?: unknown;
  /** Where the sample lacks or has what this answer rightly does not. */
  readonly except?: readonly string[];
}

const key = readKey();
const hardPolicy = { policy: "anti-affinity", rules: { max_server_per_host: 3 } };
const flavorBody = (name: string, more: object = {}) => ({
  flavor: { name, ram: 1024, vcpus: 2, disk: 10, ...more },
});

const golden: readonly Golden[] = [
  { at: "2.1", ask: "GET /", sample: "versions/v21-version-get-resp", except: ["version.links[1].type"] },
  { at: "2.1", ask: "GET /compute/", sample: "versions/versions-get-resp" },
  { at: "2.1", ask: "GET /extensions", sample: "extension-info/extensions-list-resp" },
  { at: "2.1", ask: "GET /extensions/os-agents", sample: "extension-info/extensions-get-resp" },
  ...["2.1", "2.55", "2.61", "2.75", "2.102"].flatMap((at) => [
    { at, ask: "GET /flavors", sample: `flavors/${folder(at)}flavors-list-resp` },
    { at, ask: "GET /flavors/detail", sample: `flavors/${folder(at)}flavors-detail-resp` },
    { at, ask: "GET /flavors/1", sample: `flavors/${folder(at)}flavor-get-resp` },
    {
      at,
      ask: "POST /flavors",
      body: flavorBody(`made at ${at}`),
      sample: `flavor-manage/${folder(at)}flavor-create-post-resp`,
    },
  ]),
  {
    at: "2.1",
    ask: "POST /flavors/1/os-extra_specs",
    body: { extra_specs: { a: "b" } },
    sample: "flavor-extra-specs/flavor-extra-specs-create-resp",
    except: ["extra_specs.a", "extra_specs.hw:numa_nodes", "extra_specs.hw:cpu_policy"],
  },
  { at: "2.1", ask: "GET /os-keypairs", sample: "os-keypairs/keypairs-list-resp" },
  { at: "2.2", ask: "GET /os-keypairs", sample: "os-keypairs/v2.2/keypairs-list-resp" },
  { at: "2.35", ask: "GET /os-keypairs?limit=1", sample: "os-keypairs/v2.35/keypairs-list-resp" },
  { at: "2.1", ask: "GET /os-keypairs/mine", sample: "os-keypairs/keypairs-get-resp" },
  { at: "2.10", ask: "GET /os-keypairs/mine", sample: "os-keypairs/v2.10/keypairs-get-resp" },
  ...["2.1", "2.2", "2.10", "2.35"].map((at) => ({
    at,
    ask: "POST /os-keypairs",
    body: { keypair: { name: `made at ${at.replace(".", "-")}` } },
    sample: `os-keypairs/${folder(at)}keypairs-post-resp`,
  })),
  ...["2.1", "2.2", "2.10", "2.92"].map((at) => ({
    at,
    ask: "POST /os-keypairs",
    body: { keypair: { name: `imported at ${at.replace(".", "-")}`, public_key: key } },
    sample: `os-keypairs/${folder(at)}keypairs-import-post-resp`,
  })),
  ...["2.1", "2.36", "2.57"].flatMap((at) => [
    { at, ask: "GET /os-quota-sets/p1", sample: `os-quota-sets/${folder(at)}quotas-show-get-resp` },
    {
      at,
      ask: "GET /os-quota-sets/p1/defaults",
      sample: `os-quota-sets/${folder(at)}quotas-show-defaults-get-resp`,
    },
    {
      at,
      ask: "GET /os-quota-sets/p1/detail",
      sample: `os-quota-sets/${folder(at)}quotas-show-detail-get-resp`,
    },
    {
      at,
      ask: "PUT /os-quota-sets/p1",
      body: { quota_set: { cores: 45 } },
      sample: `os-quota-sets/${folder(at)}quotas-update-post-resp`,
    },
  ]),
  ...["2.1", "2.50", "2.57"].map((at) => ({
    at,
    ask: "GET /os-quota-class-sets/default",
    sample: `os-quota-class-sets/${folder(at)}quota-classes-show-get-resp`,
  })),
  ...["2.1", "2.36", "2.39", "2.57"].map((at) => ({
    at,
    ask: "GET /limits",
    sample: `limits/${folder(at)}limit-get-resp`,
  })),
  { at: "2.1", ask: "GET /os-availability-zone", sample: "os-availability-zone/availability-zone-list-resp" },
  ...["2.1", "2.11", "2.53"].map((at) => ({
    at,
    ask: "GET /os-services",
    sample: `os-services/${folder(at)}services-list-get-resp`,
  })),
  {
    at: "2.1",
    ask: "PUT /os-services/disable-log-reason",
    body: { host: "h2", binary: "nova-compute", disabled_reason: "test2" },
    sample: "os-services/service-disable-log-put-resp",
  },
  {
    at: "2.11",
    ask: "PUT /os-services/force-down",
    body: { host: "h2", binary: "nova-compute", forced_down: true },
    sample: "os-services/v2.11/service-force-down-put-resp",
  },
  ...["2.1", "2.28", "2.33", "2.53", "2.88"].flatMap((at) => [
    {
      at,
      ask: `GET /os-hypervisors${page(at)}`,
      sample: `os-hypervisors/${folder(at)}hypervisors-list-resp`,
    },
    {
      at,
      ask: `GET /os-hypervisors/detail${page(at)}`,
      sample: `os-hypervisors/${folder(at)}hypervisors-detail-resp`,
    },
  ]),
  { at: "2.1", ask: "GET /os-hypervisors/statistics", sample: "os-hypervisors/hypervisors-statistics-resp" },
  { at: "2.1", ask: "GET /os-hypervisors/h1/search", sample: "os-hypervisors/hypervisors-search-resp" },
  ...["2.1", "2.41"].flatMap((at) => [
    {
      at,
      ask: "POST /os-aggregates",
      body: { aggregate: { name: `made at ${at}`, availability_zone: "london" } },
      sample: `os-aggregates/${folder(at)}aggregate-post-resp`,
    },
    { at, ask: "GET /os-aggregates", sample: `os-aggregates/${folder(at)}aggregates-list-get-resp` },
    { at, ask: "GET /os-aggregates/1", sample: `os-aggregates/${folder(at)}aggregates-get-resp` },
  ]),
  ...["2.1", "2.13", "2.64"].flatMap((at) => [
    {
      at,
      ask: "POST /os-server-groups",
      body: {
        server_group: { name: "g", ...(at === "2.64" ? hardPolicy : { policies: ["anti-affinity"] }) },
      },
      sample: `os-server-groups/${folder(at)}server-groups-post-resp`,
    },
    { at, ask: "GET /os-server-groups", sample: `os-server-groups/${folder(at)}server-groups-list-resp` },
  ]),
];

test("answers have the shape of Nova's samples at each version that changed them", { skip }, async () => {
  const { ask } = await testResources();
  await ask("POST /os-keypairs", { body: { keypair: { name: "mine", public_key: key } } });

  const found: string[] = [];
  for (const { at, ask: asked, sample, body, except = [] } of golden) {
    const answer = await ask(asked, { version: at, ...(body === undefined ? {} : { body }) });
    assert.ok(answer.status < 300, `${asked} at ${at}: ${JSON.stringify(answer.body)}`);
    const wanted = JSON.parse(readFileSync(new URL(`${sample}.json`, samples), "utf8"));
    found.push(...sameShape(answer.body, wanted, { except }).map((line) => `${asked} at ${at}: ${line}`));
  }
  assert.deepEqual(found, []);
});

test("a made key pair's halves belong together, and OpenSSH's own format holds the private one", async () => {
  const { ask } = await testResources();

  const answer = await ask("POST /os-keypairs", { body: { keypair: { name: "made" } }, as: "member" });

  const { keypair } = answer.body as { keypair: Record<string, string> };
  const body = keypair["private_key"]!.split("\n").slice(1, -2).join("");
  const blob = Buffer.from(keypair["public_key"]!.split(" ")[1]!, "base64");
  assert.ok(Buffer.from(body, "base64").includes(blob.subarray(-32)));
  assert.match(keypair["fingerprint"]!, /^(?:[0-9a-f]{2}:){15}[0-9a-f]{2}$/);
});

test("key pairs belong to their user", async () => {
  const { ask } = await testResources();
  const body = { keypair: { name: "k", public_key: key } };
  await ask("POST /os-keypairs", { body, as: "member" });

  const userId = "b".repeat(32);
  const asAdmin = await ask(`GET /os-keypairs/k?user_id=${userId}`, { version: "2.10" });
  const other = await ask(`GET /os-keypairs?user_id=${"a".repeat(32)}`, { version: "2.10", as: "member" });

  assert.equal(asAdmin.status, 200);
  assert.equal((await ask("GET /os-keypairs/k")).status, 404);
  assert.deepEqual(other.body, {
    forbidden: {
      code: 403,
      message: "Policy doesn't allow os_compute_api:os-keypairs:index to be performed.",
    },
  });
});

test("a private flavor is there for the projects it was given, and for nobody else", async () => {
  const { ask } = await testResources();
  const project = "2".repeat(32);
  const body = flavorBody("secret", { id: "s1", "os-flavor-access:is_public": false });
  await ask("POST /flavors", { body });
  const seen = async () => (await ask("GET /flavors/s1", { as: "member" })).status;
  assert.equal(await seen(), 404);

  await ask("POST /flavors/s1/action", { body: { addTenantAccess: { tenant: project } } });

  assert.equal(await seen(), 200);
  const listed = await ask("GET /flavors", { as: "member" });
  assert.ok((listed.body as { flavors: { id: string }[] }).flavors.some(({ id }) => id === "s1"));
  await ask("POST /flavors/s1/action", { body: { removeTenantAccess: { tenant: project } } });
  assert.equal(await seen(), 404);
});

test("flavors are sorted, filtered and paged", async () => {
  const { ask } = await testResources();
  const ids = async (query: string) => {
    const { body } = await ask(`GET /flavors${query}`);
    return (body as { flavors: { id: string }[] }).flavors.map(({ id }) => id).join("");
  };

  assert.equal(await ids("?sort_key=memory_mb&sort_dir=desc"), "54321");
  assert.equal(await ids("?minRam=4096&minDisk=80"), "45");
  assert.equal(await ids("?limit=2&marker=2"), "34");
});

/** Requests that must be refused, and how. */
const refusals: readonly (readonly [
  ask: string,
  version: string,
  body: unknown,
  status: number,
  text: RegExp,
])[] = [
  ["GET /flavors/none", "2.1", undefined, 404, /^Flavor none could not be found\.$/],
  ["POST /flavors", "2.1", flavorBody("m1.tiny"), 409, /^Flavor with name m1\.tiny already exists\.$/],
  ["POST /flavors", "2.1", flavorBody("x", { id: "1" }), 409, /^Flavor with ID 1 already exists\.$/],
  ["POST /flavors", "2.1", flavorBody("x", { description: "no" }), 400, /'description' was unexpected/],
  ["POST /flavors", "2.1", flavorBody("x", { ram: 0 }), 400, /ram/],
  ["PUT /flavors/1", "2.54", { flavor: { description: "x" } }, 404, /could not be found/],
  ["GET /flavors?color=red", "2.75", undefined, 400, /'color' was unexpected/],
  ["GET /flavors?marker=none", "2.1", undefined, 400, /^marker \[none\] not found$/],
  ["GET /flavors?minRam=much", "2.1", undefined, 400, /^Invalid min_ram filter \[much\]$/],
  ["POST /flavors/1/os-extra_specs", "2.86", { extra_specs: { "hw:numa_node": "1" } }, 400, /hw:numa_node/],
  [
    "POST /flavors/1/os-extra_specs",
    "2.86",
    { extra_specs: { "hw:numa_nodes": "no" } },
    400,
    /hw:numa_nodes/,
  ],
  ["POST /os-keypairs", "2.92", { keypair: { name: "k" } }, 400, /'public_key' is a required property/],
  ["POST /os-keypairs", "2.1", { keypair: { name: "k", public_key: "ssh-rsa AAAA" } }, 400, /fingerprint/],
  ["POST /os-keypairs", "2.1", { keypair: { name: "a/b" } }, 400, /name/],
  ["GET /os-keypairs/none", "2.1", undefined, 404, /^Keypair none not found for user/],
  ["PUT /os-quota-sets/p1", "2.36", { quota_set: { floating_ips: 1 } }, 400, /'floating_ips' was unexpected/],
  ["PUT /os-quota-sets/p1", "2.1", { quota_set: { cores: -2 } }, 400, /cores/],
  ["PUT /os-services/enable", "2.53", {}, 400, /^Invalid uuid enable$/],
  [
    "PUT /os-services/enable",
    "2.1",
    { host: "none", binary: "nova-compute" },
    404,
    /none could not be found/,
  ],
  ["GET /os-hypervisors/none", "2.1", undefined, 404, /^Hypervisor with ID 'none' could not be found\.$/],
  ["GET /os-hypervisors/statistics", "2.88", undefined, 404, /could not be found/],
  ["GET /os-aggregates/7", "2.1", undefined, 404, /^Aggregate 7 could not be found\.$/],
  [
    "POST /os-server-groups",
    "2.14",
    { server_group: { name: "g", policies: ["soft-affinity"] } },
    400,
    /soft-affinity/,
  ],
  ["GET /os-server-groups/none", "2.1", undefined, 404, /^Instance group none could not be found\.$/],
];

test("what is wrong is told in Nova's words", async () => {
  const { ask } = await testResources();

  for (const [asked, version, body, status, text] of refusals) {
    const answer = await ask(asked, { version, ...(body === undefined ? {} : { body }) });
    const [error] = Object.values(answer.body as Record<string, { message: string } | string>);
    const message = typeof error === "string" ? error : (error?.message ?? "");
    assert.equal(answer.status, status, `${asked}: ${message}`);
    assert.match(message, text, asked);
  }
});

test("a quota stops the next key pair, and members may not change it", async () => {
  const { ask } = await testResources();
  const project = "2".repeat(32);
  await ask(`PUT /os-quota-sets/${project}`, { body: { quota_set: { key_pairs: 1 } } });

  const first = await ask("POST /os-keypairs", { body: { keypair: { name: "a" } }, as: "member" });
  const second = await ask("POST /os-keypairs", { body: { keypair: { name: "b" } }, as: "member" });
  const raised = await ask(`PUT /os-quota-sets/${project}`, {
    body: { quota_set: { cores: 99 } },
    as: "member",
  });

  assert.equal(first.status, 200);
  assert.deepEqual(second.body, { forbidden: { code: 403, message: "Quota exceeded, too many key pairs." } });
  assert.equal(raised.status, 403);
});

test("an aggregate gives its hosts a zone, of which each host has one at most", async () => {
  const { ask } = await testResources();
  const add = (id: number, host: string) =>
    ask(`POST /os-aggregates/${id}/action`, { body: { add_host: { host } } });
  for (const zone of ["london", "paris"]) {
    await ask("POST /os-aggregates", { body: { aggregate: { name: zone, availability_zone: zone } } });
  }

  assert.equal((await add(1, "h1")).status, 200);

  const zones = await ask("GET /os-availability-zone", { as: "member" });
  const { availabilityZoneInfo } = zones.body as { availabilityZoneInfo: { zoneName: string }[] };
  assert.deepEqual(
    availabilityZoneInfo.map(({ zoneName }) => zoneName),
    ["london", "nova"],
  );
  assert.equal((await add(2, "h1")).status, 409);
  assert.equal((await add(1, "h1")).status, 409);
  assert.equal((await add(1, "none")).status, 404);
  assert.equal((await ask("DELETE /os-aggregates/1")).status, 400);
});

test("a disabled service says why, and no longer once it is enabled", async () => {
  const cloud = await testResources();
  const id = await serviceId(cloud);
  const version = "2.53";

  const disabled = await cloud.ask(`PUT /os-services/${id}`, {
    version,
    body: { status: "disabled", disabled_reason: "new fan" },
  });
  const enabled = await cloud.ask(`PUT /os-services/${id}`, { version, body: { status: "enabled" } });

  const reasonOf = ({ body }: { readonly body: unknown }) =>
    (body as { service: { disabled_reason: string | null } }).service.disabled_reason;
  assert.deepEqual([reasonOf(disabled), reasonOf(enabled)], ["new fan", null]);
});

async function serviceId({ ask }: TestResources): Promise<string> {
  const { body } = await ask("GET /os-services?host=h1", { version: "2.53" });
  return (body as { services: { id: string }[] }).services[0]!.id;
}

function folder(version: string): string {
  return version === "2.1" ? "" : `v${version}/`;
}

/** Lists of hypervisors show the next page in their samples. */
function page(version: string): string {
  return ["2.1", "2.28"].includes(version) ? "" : "?limit=1";
}

function readKey(): string {
  const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from("ssh-ed25519"), Buffer.alloc(36, 7)]);
  return `ssh-ed25519 ${blob.toString("base64")} me@home`;
}
