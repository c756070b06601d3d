// Placement over HTTP: what clients send and get at each version, held against upstream's samples.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sameShape, testAuthenticator, testContext, testServer } from "@micronova/http/testing";
import { testPlatform } from "@micronova/kit/testing";
import { testStore } from "@micronova/store/testing";
import { claim, ensureProvider, placementMigrations, placementService, setInventories } from "../index.ts";

const samples = join(import.meta.dirname, "../../../../shared/api/samples/placement");
const options = { skip: existsSync(samples) ? false : "the samples are not beside this checkout" };
const sample = (name: string): unknown => JSON.parse(readFileSync(join(samples, `${name}.json`), "utf8"));

const p1 = "11111111-1111-4111-8111-111111111111";
const p2 = "22222222-2222-4222-8222-222222222222";
const c1 = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const c2 = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";
const aggregate = "cccccccc-cccc-4ccc-8ccc-cccccccccccc";
const whole = (total: number, allocation_ratio = 1) => ({
  total,
  reserved: 0,
  min_unit: 1,
  max_unit: total,
  step_size: 1,
  allocation_ratio,
});

async function aCloud() {
  const platform = testPlatform();
  const store = await testStore(platform, placementMigrations);
  const project = testContext({ roles: ["reader"] }).projectId!;
  await store.transaction(async (tx) => {
    for (const [id, name] of [
      [p1, "h1"],
      [p2, "h2"],
    ] as const) {
      await ensureProvider(tx, { id, name });
      await setInventories(tx, id, { VCPU: whole(4, 4), MEMORY_MB: whole(4096), DISK_GB: whole(35) });
    }
    const resources = { VCPU: 2, MEMORY_MB: 1024, DISK_GB: 5 };
    await claim(tx, { consumerId: c1, projectId: project, userId: "user", providerId: p1, resources });
  });
  const service = placementService({ platform, store, authenticator: testAuthenticator() });
  const { call } = testServer(platform, { "/placement": service });
  const ask = async (method: string, path: string, version = "1.39", body?: unknown, token = "admin") =>
    call(token, method, `/placement${path}`, {
      headers: { "openstack-api-version": `placement ${version}` },
      ...(body === undefined ? {} : { body }),
    });
  return { store, ask, call, project };
}

type Asked = readonly [method: string, path: string, version: string, sample: string, body?: unknown];

// biome-ignore lint/suspicious/noExplicitAny: a test reads into answers whose shape it asserts.
type Json = any;

test("answers have the shapes of upstream's samples", options, async () => {
  const { ask, project } = await aCloud();
  await ask("PUT", "/traits/CUSTOM_FOO", "1.39");
  await ask("PUT", `/resource_providers/${p1}/traits`, "1.39", {
    traits: ["CUSTOM_FOO"],
    resource_provider_generation: 2,
  });
  const cases: Asked[] = [
    ["GET", "/", "1.0", "root/get-root"],
    ["GET", "/resource_providers", "1.39", "resource_providers/get-resource_providers"],
    ["GET", `/resource_providers/${p1}`, "1.39", "resource_providers/get-resource_provider"],
    ["GET", `/resource_providers/${p1}/inventories`, "1.39", "inventories/get-inventories"],
    ["GET", `/resource_providers/${p1}/inventories/VCPU`, "1.39", "inventories/get-inventory"],
    [
      "GET",
      `/resource_providers/${p1}/usages`,
      "1.39",
      "resource_provider_usages/get-resource_provider_usages",
    ],
    [
      "GET",
      `/resource_providers/${p1}/traits`,
      "1.39",
      "resource_provider_traits/get-resource_provider-traits",
    ],
    ["GET", `/resource_providers/${p1}/aggregates`, "1.18", "aggregates/get-aggregates"],
    ["GET", `/resource_providers/${p1}/aggregates`, "1.19", "aggregates/get-aggregates-1.19"],
    ["GET", "/resource_classes", "1.39", "resource_classes/get-resource_classes"],
    ["GET", "/resource_classes/VCPU", "1.39", "resource_classes/get-resource_class"],
    ["GET", "/traits", "1.39", "traits/get-traits"],
    [
      "GET",
      "/allocation_candidates?resources=VCPU:1",
      "1.34",
      "allocation_candidates/get-allocation_candidates-1.34",
    ],
  ];
  const keyed: Asked[] = [
    ["GET", `/allocations/${c1}`, "1.12", "allocations/get-allocations"],
    ["GET", `/allocations/${c1}`, "1.28", "allocations/get-allocations-1.28"],
    ["GET", `/allocations/${c1}`, "1.38", "allocations/get-allocations-1.38"],
    [
      "GET",
      `/resource_providers/${p1}/allocations`,
      "1.27",
      "resource_provider_allocations/get-resource_provider_allocations",
    ],
    ["GET", `/usages?project_id=${project}`, "1.37", "usages/get-usages"],
    ["GET", `/usages?project_id=${project}`, "1.38", "usages/get-usages-1.38"],
    [
      "GET",
      "/allocation_candidates?resources=VCPU:1",
      "1.12",
      "allocation_candidates/get-allocation_candidates-1.12",
    ],
    [
      "GET",
      "/allocation_candidates?resources=VCPU:1",
      "1.17",
      "allocation_candidates/get-allocation_candidates-1.17",
    ],
    [
      "GET",
      "/allocation_candidates?resources=VCPU:1",
      "1.29",
      "allocation_candidates/get-allocation_candidates-1.29",
    ],
  ];

  for (const [method, path, version, name, body] of [...cases, ...keyed]) {
    const answer = await ask(method, path, version, body);
    assert.equal(answer.status, 200, `${path}: ${JSON.stringify(answer.body)}`);
    assert.deepEqual(sameShape(generic(answer.body), generic(sample(name))), [], name);
  }
});

/** Ids and class names as keys stand for any of their kind: a shape is what is below them. */
function generic(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(generic);
  if (typeof value !== "object" || value === null) return value;
  const isName = (key: string) =>
    /^[0-9a-f-]{36}$/.test(key) || /^[A-Z][A-Z0-9_]+$|^_NET\d$|^$|^unknown$/.test(key);
  const entries = Object.entries(value).map(([key, part]) => [isName(key) ? "*" : key, generic(part)]);
  return Object.fromEntries(entries);
}

test("upstream's request samples are accepted", options, async () => {
  const { ask } = await aCloud();
  const named = (name: string) => sample(name) as Json;
  const created = await ask("POST", "/resource_providers", "1.20", {
    ...named("resource_providers/create-resource_providers-request"),
    parent_provider_uuid: p1,
  });
  assert.equal(created.status, 200);
  assert.deepEqual(sameShape(created.body, sample("resource_providers/create-resource_provider")), []);
  const { uuid } = created.body as Json;

  const inventories = named("inventories/update-inventories-request");
  const updated = await ask("PUT", `/resource_providers/${uuid}/inventories`, "1.39", {
    ...inventories,
    resource_provider_generation: 0,
  });
  assert.equal(updated.status, 200, JSON.stringify(updated.body));
  assert.deepEqual(sameShape(generic(updated.body), generic(sample("inventories/update-inventories"))), []);

  const aggregates = await ask("PUT", `/resource_providers/${uuid}/aggregates`, "1.19", {
    ...named("aggregates/update-aggregates-request-1.19"),
    resource_provider_generation: 1,
  });
  assert.equal(aggregates.status, 200);
  const older = await ask(
    "PUT",
    `/resource_providers/${uuid}/aggregates`,
    "1.1",
    sample("aggregates/update-aggregates-request"),
  );
  assert.equal(older.status, 200);
  const made = await ask(
    "POST",
    "/resource_classes",
    "1.2",
    named("resource_classes/create-resource_classes-request"),
  );
  assert.equal(made.status, 201);
});

test("a stale generation is a conflict with its code, and nothing is written", async () => {
  const { ask } = await aCloud();
  const body = { resource_provider_generation: 99, inventories: {} };

  const answer = await ask("PUT", `/resource_providers/${p1}/inventories`, "1.39", body);

  assert.equal(answer.status, 409);
  assert.equal((answer.body as Json).errors[0].code, "placement.concurrent_update");
  const after = await ask("GET", `/resource_providers/${p1}/inventories`);
  assert.deepEqual(Object.keys((after.body as Json).inventories).sort(), ["DISK_GB", "MEMORY_MB", "VCPU"]);
});

test("inventories in use are kept", async () => {
  const { ask } = await aCloud();

  const answer = await ask("DELETE", `/resource_providers/${p1}/inventories/VCPU`);

  assert.equal(answer.status, 409);
  assert.equal((answer.body as Json).errors[0].code, "placement.inventory.inuse");
  assert.equal((await ask("DELETE", `/resource_providers/${p2}/inventories/VCPU`)).status, 204);
  assert.equal((await ask("DELETE", `/resource_providers/${p2}/inventories/VCPU`)).status, 404);
  assert.equal((await ask("DELETE", `/resource_providers/${p1}`)).status, 409);
  assert.equal((await ask("DELETE", `/resource_providers/${p2}`)).status, 204);
});

test("inventories are added one by one, with defaults and a location", async () => {
  const { ask } = await aCloud();
  await ask("PUT", "/resource_classes/CUSTOM_GOLD", "1.7");
  const path = `/resource_providers/${p1}/inventories`;

  const added = await ask("POST", path, "1.39", { resource_class: "CUSTOM_GOLD", total: 10 });

  assert.equal(added.status, 201);
  assert.equal(added.headers["location"], `/placement${path}/CUSTOM_GOLD`);
  assert.equal((added.body as Json).max_unit, 2_147_483_647);
  assert.equal((await ask("POST", path, "1.39", { resource_class: "CUSTOM_GOLD", total: 10 })).status, 409);
  assert.equal((await ask("POST", path, "1.39", { resource_class: "CUSTOM_LEAD", total: 10 })).status, 400);
  const full = { resource_provider_generation: 3, total: 5, reserved: 5 };
  assert.equal((await ask("PUT", `${path}/CUSTOM_GOLD`, "1.25", full)).status, 400);
  assert.equal((await ask("PUT", `${path}/CUSTOM_GOLD`, "1.26", full)).status, 200);
});

test("allocations are written in each version's form", async () => {
  const { ask } = await aCloud();
  const resources = { VCPU: 1 };
  const owner = { project_id: "p", user_id: "u" };
  const forms: readonly (readonly [string, object])[] = [
    ["1.0", { allocations: [{ resource_provider: { uuid: p2 }, resources }] }],
    ["1.8", { allocations: [{ resource_provider: { uuid: p2 }, resources }], ...owner }],
    ["1.12", { allocations: { [p2]: { resources } }, ...owner }],
    ["1.28", { allocations: { [p2]: { resources } }, ...owner, consumer_generation: 3 }],
    [
      "1.38",
      {
        allocations: { [p2]: { resources } },
        mappings: { "": [p2] },
        ...owner,
        consumer_generation: 4,
        consumer_type: "INSTANCE",
      },
    ],
  ];

  for (const [version, body] of forms) {
    const answer = await ask("PUT", `/allocations/${c2}`, version, body);
    assert.equal(answer.status, 204, `${version}: ${JSON.stringify(answer.body)}`);
  }
  const held = (await ask("GET", `/allocations/${c2}`)).body as Json;
  assert.deepEqual([held.consumer_type, held.consumer_generation, held.project_id], ["INSTANCE", 5, "p"]);
  const emptied = { ...forms[4]![1], allocations: {}, consumer_generation: 5 };
  assert.equal((await ask("PUT", `/allocations/${c2}`, "1.38", emptied)).status, 204);
  assert.deepEqual((await ask("GET", `/allocations/${c2}`)).body, { allocations: {} });
  assert.equal((await ask("DELETE", `/allocations/${c2}`)).status, 404);
});

test("allocations beyond capacity, of another generation or of nothing are refused whole", async () => {
  const { ask } = await aCloud();
  const put = (allocations: object, consumer_generation: number | null) =>
    ask("PUT", `/allocations/${c2}`, "1.28", {
      allocations,
      project_id: "p",
      user_id: "u",
      consumer_generation,
    });

  const tooMuch = await put(
    { [p2]: { resources: { VCPU: 1 } }, [p1]: { resources: { MEMORY_MB: 4000 } } },
    null,
  );
  assert.equal(tooMuch.status, 409);
  assert.equal((await put({ [p2]: { resources: { VCPU: 1 } } }, 7)).status, 409);
  assert.equal((await put({ [aggregate]: { resources: { VCPU: 1 } } }, null)).status, 400);
  assert.equal((await put({ [p2]: { resources: { CUSTOM_LEAD: 1 } } }, null)).status, 400);
  assert.equal((await put({ [p2]: { resources: { VCPU: 0 } } }, null)).status, 400);

  assert.deepEqual((await ask("GET", `/allocations/${c2}`)).body, { allocations: {} });
});

test("several consumers are rewritten together, as in a move", async () => {
  const { ask, project } = await aCloud();
  const owner = { project_id: project, user_id: "user", consumer_type: "INSTANCE" };
  const resources = { MEMORY_MB: 4096 };
  const body = {
    [c2]: { ...owner, allocations: { [p1]: { resources } }, consumer_generation: null },
    [c1]: { ...owner, allocations: {}, consumer_generation: 1 },
  };

  const answer = await ask("POST", "/allocations", "1.38", body);

  assert.equal(answer.status, 204, JSON.stringify(answer.body));
  const usages = (await ask("GET", `/resource_providers/${p1}/usages`)).body as Json;
  assert.deepEqual(usages.usages, { VCPU: 0, MEMORY_MB: 4096, DISK_GB: 0 });
});

test("providers are found by what they have, are and belong to", async () => {
  const { ask } = await aCloud();
  await ask("PUT", `/resource_providers/${p2}/aggregates`, "1.1", [aggregate]);
  await ask("PUT", `/resource_providers/${p2}/traits`, "1.6", {
    traits: ["COMPUTE_NODE"],
    resource_provider_generation: 1,
  });
  const found = async (query: string) => {
    const answer = await ask("GET", `/resource_providers?${query}`);
    assert.equal(answer.status, 200, `${query}: ${JSON.stringify(answer.body)}`);
    return (answer.body as Json).resource_providers.map((provider: Json) => provider.name);
  };

  assert.deepEqual(await found("resources=MEMORY_MB:4096"), ["h2"]);
  assert.deepEqual(await found("required=COMPUTE_NODE"), ["h2"]);
  assert.deepEqual(await found("required=!COMPUTE_NODE"), ["h1"]);
  assert.deepEqual(await found("required=in:COMPUTE_NODE,HW_CPU_X86_AVX"), ["h2"]);
  assert.deepEqual(await found(`member_of=${aggregate}`), ["h2"]);
  assert.deepEqual(await found(`member_of=!${aggregate}`), ["h1"]);
  assert.deepEqual(await found(`in_tree=${p1}`), ["h1"]);
  assert.deepEqual(await found("name=h2"), ["h2"]);
  for (const query of ["required=NO_SUCH", "resources=VCPU", "member_of=x", "colour=red", "required="]) {
    assert.equal((await ask("GET", `/resource_providers?${query}`)).status, 400, query);
  }
  assert.equal((await ask("GET", "/resource_providers?required=COMPUTE_NODE", "1.17")).status, 400);
});

test("candidates spread one group over a tree and keep named groups to one provider each", async () => {
  const { ask } = await aCloud();
  const child = "33333333-3333-4333-8333-333333333333";
  await ask("POST", "/resource_providers", "1.20", { name: "h1-pci", uuid: child, parent_provider_uuid: p1 });
  await ask("PUT", `/resource_providers/${child}/inventories`, "1.39", {
    resource_provider_generation: 0,
    inventories: { PCI_DEVICE: { total: 2 } },
  });
  const ways = async (query: string) => {
    const answer = await ask("GET", `/allocation_candidates?${query}`);
    assert.equal(answer.status, 200, `${query}: ${JSON.stringify(answer.body)}`);
    return (answer.body as Json).allocation_requests.map((way: Json) => Object.keys(way.allocations).sort());
  };

  assert.deepEqual(await ways("resources=VCPU:1"), [[p1], [p2]]);
  assert.deepEqual(await ways("resources=VCPU:1,PCI_DEVICE:1"), [[p1, child].sort()]);
  assert.deepEqual(await ways("resources=VCPU:1&resources_DEV=PCI_DEVICE:1"), [[p1, child].sort()]);
  assert.deepEqual(await ways("resources=VCPU:1&limit=1"), [[p1]]);
  assert.deepEqual(await ways("resources=VCPU:5"), []);
  assert.deepEqual(await ways(`resources=VCPU:1&in_tree=${p2}`), [[p2]]);
  assert.deepEqual(await ways("resources1=PCI_DEVICE:1&resources2=PCI_DEVICE:1&group_policy=isolate"), []);
  assert.deepEqual(await ways("resources1=PCI_DEVICE:1&resources2=PCI_DEVICE:1&group_policy=none"), [
    [child],
  ]);
  assert.deepEqual(await ways("resources1=PCI_DEVICE:2&resources2=PCI_DEVICE:1&group_policy=none"), []);
  for (const query of ["", "resources1=VCPU:1&resources2=VCPU:1", "resources=VCPU:1&limit=0", "colour=red"]) {
    assert.equal((await ask("GET", `/allocation_candidates?${query}`)).status, 400, query);
  }
});

test("classes and traits of one's own come and go; standard ones stay", async () => {
  const { ask } = await aCloud();

  assert.equal((await ask("PUT", "/resource_classes/CUSTOM_A")).status, 201);
  assert.equal((await ask("PUT", "/resource_classes/CUSTOM_A")).status, 204);
  assert.equal((await ask("PUT", "/resource_classes/GOLD")).status, 400);
  assert.equal((await ask("POST", "/resource_classes", "1.39", { name: "CUSTOM_A" })).status, 409);
  assert.equal((await ask("PUT", "/resource_classes/CUSTOM_A", "1.6", { name: "CUSTOM_B" })).status, 200);
  assert.equal((await ask("DELETE", "/resource_classes/CUSTOM_B")).status, 204);
  assert.equal((await ask("DELETE", "/resource_classes/VCPU")).status, 400);
  assert.equal((await ask("PUT", "/traits/CUSTOM_A")).status, 201);
  assert.equal((await ask("PUT", "/traits/CUSTOM_A")).status, 204);
  assert.equal((await ask("GET", "/traits/CUSTOM_A")).status, 204);
  assert.equal((await ask("PUT", "/traits/GOLD")).status, 400);
  assert.equal((await ask("DELETE", "/traits/COMPUTE_NODE")).status, 400);
  const named = await ask("GET", "/traits?name=startswith:CUSTOM_");
  assert.deepEqual(named.body, { traits: ["CUSTOM_A"] });
  assert.equal((await ask("DELETE", "/traits/CUSTOM_A")).status, 204);
  assert.equal((await ask("GET", "/traits", "1.5")).status, 404);
});

test("a provider moves with all below it, but not below itself", async () => {
  const { ask } = await aCloud();
  const put = (id: string, parent: string | null, version = "1.37") =>
    ask("PUT", `/resource_providers/${id}`, version, { name: `n-${id}`, parent_provider_uuid: parent });

  assert.equal((await put(p2, p1)).status, 200);
  assert.equal((await put(p1, p2)).status, 400);
  assert.equal((await put(p2, null, "1.36")).status, 400);
  const freed = await put(p2, null);
  assert.equal((freed.body as Json).root_provider_uuid, p2);
  assert.equal((await put(p2, c1)).status, 400);
});

test("inventories and their allocations are reshaped together", async () => {
  const { ask, project } = await aCloud();
  const body = {
    inventories: {
      [p1]: {
        resource_provider_generation: 2,
        inventories: { VCPU: { total: 4 }, MEMORY_MB: { total: 4096 } },
      },
      [p2]: { resource_provider_generation: 1, inventories: { DISK_GB: { total: 50 } } },
    },
    allocations: {
      [c1]: {
        allocations: {
          [p1]: { resources: { VCPU: 2, MEMORY_MB: 1024 } },
          [p2]: { resources: { DISK_GB: 5 } },
        },
        project_id: project,
        user_id: "user",
        consumer_generation: 1,
        consumer_type: "INSTANCE",
      },
    },
  };

  const answer = await ask("POST", "/reshaper", "1.38", body);

  assert.equal(answer.status, 204, JSON.stringify(answer.body));
  const usages = (await ask("GET", `/resource_providers/${p2}/usages`)).body as Json;
  assert.deepEqual(usages.usages, { DISK_GB: 5 });
});

test("a project sees its own usage and nothing else", async () => {
  const { ask, project } = await aCloud();

  const own = await ask("GET", `/usages?project_id=${project}`, "1.39", undefined, "member");
  assert.deepEqual((own.body as Json).usages, {
    INSTANCE: { consumer_count: 1, VCPU: 2, MEMORY_MB: 1024, DISK_GB: 5 },
  });
  assert.equal((await ask("GET", "/usages?project_id=other", "1.39", undefined, "member")).status, 403);
  assert.equal((await ask("GET", "/resource_providers", "1.39", undefined, "member")).status, 403);
  const all = await ask("GET", `/usages?project_id=${project}&consumer_type=all`);
  assert.deepEqual(Object.keys((all.body as Json).usages), ["all"]);
});

test("answers say their version and, from 1.15 on, their age", async () => {
  const { ask, call } = await aCloud();

  const older = await ask("GET", "/resource_providers", "1.14");
  const newer = await ask("GET", "/resource_providers", "1.15");

  assert.equal(older.headers["openstack-api-version"], "placement 1.14");
  assert.equal(older.headers["last-modified"], undefined);
  assert.equal(newer.headers["cache-control"], "no-cache");
  assert.match(newer.headers["last-modified"]!, /GMT$/);
  assert.equal((await ask("GET", "/resource_providers", "1.40")).status, 406);
  assert.equal((await call(null, "GET", "/placement/")).status, 200);
  const unknown = await ask("GET", `/resource_providers/${aggregate}`);
  assert.equal(unknown.status, 404);
  assert.match((unknown.body as Json).errors[0].detail, /No resource provider with uuid/);
  assert.equal((await ask("POST", `/allocations/${c1}`, "1.39", {})).status, 405);
});
