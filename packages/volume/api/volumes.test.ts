// Block storage as clients see it: through the whole of a small cloud, without sockets.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { sameShape } from "@micronova/http/testing";
import { aVolumeCloud, otherProject, type VolumeCloud } from "../testing.ts";

const member = "2".repeat(32);
const admin = "1".repeat(32);
const root = `/volume/v3/${member}`;
const adminRoot = `/volume/v3/${admin}`;
const at = (version: string) => ({ "OpenStack-API-Version": `volume ${version}` });

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what is read from them.
type Body = any;

const inCloud = (work: (cloud: VolumeCloud) => Promise<void>, options?: { totalGb: number }) => async () => {
  const cloud = await aVolumeCloud(options);
  try {
    await work(cloud);
  } finally {
    await cloud.stop();
  }
};

async function created({ call, settle }: VolumeCloud, volume: object = { size: 1 }): Promise<string> {
  const { status, body } = await call("member", "POST", `${root}/volumes`, { body: { volume } });
  assert.equal(status, 202, JSON.stringify(body));
  await settle();
  return (body as Body).volume.id;
}

test(
  "a volume is created, shown, renamed and deleted",
  inCloud(async (cloud) => {
    const { call, settle, driver } = cloud;
    const answer = await call("member", "POST", `${root}/volumes`, {
      body: { volume: { size: 2, name: "data", metadata: { a: "1" } } },
    });
    assert.equal(answer.status, 202);
    const { volume } = answer.body as Body;
    assert.deepEqual(
      [volume.status, volume.size, volume.volume_type, volume.bootable],
      ["creating", 2, "lvm", "false"],
    );

    await settle();
    assert.deepEqual(await driver.list(), [{ volumeId: volume.id, sizeGb: 2 }]);
    const shown = await call("admin", "GET", `${adminRoot}/volumes/${volume.id}`);
    assert.equal((shown.body as Body).volume.status, "available");
    assert.equal((shown.body as Body).volume["os-vol-host-attr:host"], "h1@fake#fake");

    const renamed = await call("member", "PUT", `${root}/volumes/${volume.id}`, {
      body: { volume: { name: "new" } },
    });
    assert.equal((renamed.body as Body).volume.name, "new");
    assert.equal((await call("member", "DELETE", `${root}/volumes/${volume.id}`)).status, 202);
    await settle();

    const gone = await call("member", "GET", `${root}/volumes/${volume.id}`);
    assert.equal(gone.status, 404);
    assert.equal((gone.body as Body).itemNotFound.message, `Volume ${volume.id} could not be found.`);
    assert.deepEqual(await driver.list(), []);
    await cloud.check();
  }),
);

test(
  "another project's volume is not there, and its address is refused",
  inCloud(async (cloud) => {
    const id = await created(cloud);

    const hidden = await cloud.call("other", "GET", `/volume/v3/${otherProject}/volumes/${id}`);
    const mismatch = await cloud.call("other", "GET", `${root}/volumes/${id}`);
    const deleted = await cloud.call("other", "DELETE", `/volume/v3/${otherProject}/volumes/${id}`);

    assert.deepEqual([hidden.status, mismatch.status, deleted.status], [404, 400, 404]);
  }),
);

test(
  "quotas hold when many ask at once",
  inCloud(async ({ call, settle, driver, check }) => {
    const answers = await Promise.all(
      Array.from({ length: 14 }, () =>
        call("member", "POST", `${root}/volumes`, { body: { volume: { size: 1 } } }),
      ),
    );
    await settle();

    assert.equal(answers.filter(({ status }) => status === 202).length, 10);
    const refused = answers.find(({ status }) => status === 413)!;
    assert.match(
      (refused.body as Body).overLimit.message,
      /^VolumeLimitExceeded: Maximum number of volumes allowed \(10\)/,
    );
    assert.equal((await driver.list()).length, 10);
    await check();
  }),
);

test(
  "gigabytes are limited too, and a quota can be changed, shown and reset",
  inCloud(async ({ call }) => {
    const quota = `${adminRoot}/os-quota-sets/${member}`;
    const set = await call("admin", "PUT", quota, { body: { quota_set: { gigabytes: 3 } } });
    assert.equal((set.body as Body).quota_set.gigabytes, 3);

    const tooMuch = await call("member", "POST", `${root}/volumes`, { body: { volume: { size: 4 } } });
    assert.equal(
      (tooMuch.body as Body).overLimit.message,
      "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. " +
        "Requested 4G, quota is 3G and 0G has been consumed.",
    );
    const usage = await call("member", "GET", `${root}/os-quota-sets/${member}?usage=True`);
    assert.deepEqual((usage.body as Body).quota_set.gigabytes, { limit: 3, in_use: 0, reserved: 0 });
    assert.equal(
      (
        await call("member", "PUT", `${root}/os-quota-sets/${member}`, {
          body: { quota_set: { volumes: 99 } },
        })
      ).status,
      403,
    );
    await call("admin", "DELETE", quota);
    assert.equal(((await call("admin", "GET", quota)).body as Body).quota_set.gigabytes, 1000);
  }),
);

test(
  "a volume that no pool has room for is in error, and says why",
  inCloud(
    async (cloud) => {
      const id = await created(cloud, { size: 5 });

      const shown = await cloud.call("member", "GET", `${root}/volumes/${id}`);
      const messages = await cloud.call("member", "GET", `${root}/messages`, { headers: at("3.3") });

      assert.equal((shown.body as Body).volume.status, "error");
      const [message] = (messages.body as Body).messages;
      assert.equal(message.resource_uuid, id);
      assert.match(message.user_message, /4 GB free, 5 GB wanted/);
      assert.equal((await cloud.call("member", "DELETE", `${root}/volumes/${id}`)).status, 202);
      await cloud.settle();
      await cloud.check();
    },
    { totalGb: 4 },
  ),
);

test(
  "a client's attachment goes through its states, and a volume in use is not deleted",
  inCloud(async (cloud) => {
    const { call, check } = cloud;
    const id = await created(cloud);
    const headers = at("3.54");
    const body = {
      attachment: { volume_uuid: id, connector: { host: "elsewhere", mountpoint: "/dev/vdb" }, mode: "rw" },
    };
    const made = await call("member", "POST", `${root}/attachments`, { headers, body });
    assert.equal(made.status, 200, JSON.stringify(made.body));
    const attachmentId = (made.body as Body).attachment.id;
    const again = await call("member", "POST", `${root}/attachments`, { headers, body });
    assert.equal(again.status, 400);

    const complete = await call("member", "POST", `${root}/attachments/${attachmentId}/action`, {
      headers,
      body: { "os-complete": {} },
    });
    assert.equal(complete.status, 204);
    const shown = await call("member", "GET", `${root}/volumes/${id}`);
    assert.equal((shown.body as Body).volume.status, "in-use");
    assert.equal((shown.body as Body).volume.attachments[0].device, "/dev/vdb");
    await check();
    const refused = await call("member", "DELETE", `${root}/volumes/${id}`);
    assert.equal(refused.status, 400);
    assert.match(
      (refused.body as Body).badRequest.message,
      /^Invalid volume: Volume status must be available or error/,
    );

    assert.equal(
      (await call("member", "DELETE", `${root}/attachments/${attachmentId}`, { headers })).status,
      200,
    );
    assert.equal(
      ((await call("member", "GET", `${root}/volumes/${id}`)).body as Body).volume.status,
      "available",
    );
    await check();
  }),
);

test(
  "the older attach calls of Cinder lead through the same states",
  inCloud(async (cloud) => {
    const id = await created(cloud);
    const act = async (body: object) =>
      (await cloud.call("member", "POST", `${root}/volumes/${id}/action`, { body })).status;
    const status = async () =>
      ((await cloud.call("member", "GET", `${root}/volumes/${id}`)).body as Body).volume.status;

    assert.deepEqual([await act({ "os-reserve": {} }), await status()], [202, "attaching"]);
    assert.deepEqual([await act({ "os-unreserve": {} }), await status()], [202, "available"]);
    assert.deepEqual(
      [await act({ "os-attach": { mountpoint: "/dev/vdc", mode: "rw" } }), await status()],
      [202, "in-use"],
    );
    assert.deepEqual([await act({ "os-begin_detaching": {} }), await status()], [202, "detaching"]);
    assert.deepEqual([await act({ "os-roll_detaching": {} }), await status()], [202, "in-use"]);
    assert.deepEqual([await act({ "os-extend": { new_size: 2 } }), await status()], [400, "in-use"]);
    assert.deepEqual([await act({ "os-detach": {} }), await status()], [202, "available"]);
    await cloud.check();
  }),
);

test(
  "an administrator's forced deletion ends a volume that is still being made",
  inCloud(async (cloud) => {
    const body = { volume: { size: 1 } };
    const made = await cloud.call("member", "POST", `${root}/volumes`, { body });
    const url = `${adminRoot}/volumes/${(made.body as Body).volume.id}`;

    const refused = await cloud.call("member", "DELETE", `${root}/volumes/${(made.body as Body).volume.id}`);
    const forced = await cloud.call("admin", "POST", `${url}/action`, { body: { "os-force_delete": {} } });
    await cloud.settle();

    assert.deepEqual([refused.status, forced.status], [400, 202]);
    assert.equal((await cloud.call("admin", "GET", url)).status, 404);
    assert.deepEqual(await cloud.driver.list(), []);
    await cloud.check();
  }),
);

test(
  "a volume grows, and only grows",
  inCloud(async (cloud) => {
    const id = await created(cloud);
    const extend = (new_size: number) =>
      cloud.call("member", "POST", `${root}/volumes/${id}/action`, { body: { "os-extend": { new_size } } });

    assert.equal((await extend(3)).status, 202);
    await cloud.settle();

    assert.deepEqual(await cloud.driver.list(), [{ volumeId: id, sizeGb: 3 }]);
    assert.equal(((await cloud.call("member", "GET", `${root}/volumes/${id}`)).body as Body).volume.size, 3);
    assert.equal((await extend(2)).status, 400);
    await cloud.check();
  }),
);

test(
  "lists are filtered, sorted, paged and counted",
  inCloud(async (cloud) => {
    for (const [name, size] of [
      ["b", 2],
      ["a", 1],
      ["c", 3],
    ] as const) {
      await created(cloud, { name, size, metadata: { tier: name } });
    }
    const names = async (query: string, headers = {}) => {
      const { body } = await cloud.call("member", "GET", `${root}/volumes/detail?${query}`, { headers });
      return (body as Body).volumes.map(({ name }: { name: string }) => name).join("");
    };

    assert.equal(await names(""), "cab");
    assert.equal(await names("sort=name:asc"), "abc");
    assert.equal(await names("sort_key=size&sort_dir=desc"), "cba");
    assert.equal(await names("name=a"), "a");
    assert.equal(await names("status=error"), "");
    assert.equal(await names(`metadata=${encodeURIComponent("{'tier': 'b'}")}`), "b");
    assert.equal(await names(`metadata=${encodeURIComponent("{'tier': 'B'}")}`), "");
    assert.equal(await names("name~=B"), "b");
    const first = await cloud.call("member", "GET", `${root}/volumes?sort=name:asc&limit=2&with_count=true`, {
      headers: at("3.45"),
    });
    const { volumes, volumes_links, count } = first.body as Body;
    assert.deepEqual([volumes.length, count, volumes_links[0].rel], [2, 3, "next"]);
    const next = await cloud.call(
      "member",
      "GET",
      volumes_links[0].href.replace("http://127.0.0.1:8774", ""),
    );
    assert.deepEqual(
      (next.body as Body).volumes.map(({ name }: { name: string }) => name),
      ["c"],
    );
    const unknown = await cloud.call("member", "GET", `${root}/volumes?colour=red`, { headers: at("3.33") });
    assert.equal(unknown.status, 400);
    assert.equal(
      (await cloud.call("other", "GET", `/volume/v3/${otherProject}/volumes?all_tenants=1`)).status,
      200,
    );
    const everyone = await cloud.call("admin", "GET", `${adminRoot}/volumes?all_tenants=1`);
    assert.equal((everyone.body as Body).volumes.length, 3);
  }),
);

const samples = new URL("../../../../shared/api/samples/volume/", import.meta.url);
const sample = (path: string): unknown => JSON.parse(readFileSync(new URL(path, samples), "utf8"));

test(
  "answers have the shape of the samples",
  { skip: existsSync(samples) ? false : "the samples are not here" },
  inCloud(async (cloud) => {
    const { call } = cloud;
    const id = await created(cloud, { size: 1, metadata: { key1: "value1", key2: "value2" } });
    const made = await call("admin", "POST", `${adminRoot}/types`, {
      body: sample("volume_type/volume-type-create-request.json"),
    });
    const cases: readonly (readonly [url: string, path: string, version?: string])[] = [
      [`${adminRoot}/volumes/${id}`, "volumes/volume-show-response.json"],
      ...["3.13", "3.21", "3.48", "3.61", "3.63", "3.65", "3.69"].map(
        (version) =>
          [`${adminRoot}/volumes/${id}`, `volumes/v${version}/volume-show-response.json`, version] as const,
      ),
      [`${root}/volumes`, "volumes/volumes-list-response.json"],
      [`${adminRoot}/volumes/detail?all_tenants=1`, "volumes/volumes-list-detailed-response.json"],
      [`${root}/volumes/summary`, "volumes/volumes-list-summary-response.json", "3.36"],
      [`${root}/limits`, "limits/limits-show-response.json"],
      [`${adminRoot}/types`, "volume_type/volume-types-list-response.json"],
      [
        `${adminRoot}/types/${(made.body as Body).volume_type.id}`,
        "volume_type/volume-type-show-response.json",
      ],
      [`${adminRoot}/os-services`, "os-services/v3.49/services-list-response.json", "3.49"],
      [`${adminRoot}/scheduler-stats/get_pools?detail=true`, "pools-list-detailed-response.json"],
      [`${root}/os-availability-zone`, "availability-zone-list-response.json"],
      [`${root}/extensions`, "extensions/extensions-list-response.json"],
      ["/volume/", "versions/versions-response.json"],
      ["/volume/v3/", "versions/version-show-response.json"],
    ];
    for (const [url, path, version] of cases) {
      const answer = await call(url.startsWith(root) ? "member" : "admin", "GET", url, {
        headers: version === undefined ? {} : at(version),
      });
      assert.ok(answer.status === 200 || answer.status === 300, `${url}: ${JSON.stringify(answer.body)}`);
      const except = [
        "versions[0].links[1].type",
        ...[0, 1, 2].flatMap((n) => servicePathsOfWorkers.map((key) => `services[${n}].${key}`)),
      ];
      assert.deepEqual(sameShape(answer.body, sample(path), { except }), [], `${url} at ${version ?? "3.0"}`);
    }
  }),
);

// The sample's first service is a scheduler, which shows less than a worker; of a version's links only the
// first has a type.
const servicePathsOfWorkers = ["frozen", "replication_status", "active_backend_id", "backend_state"];

test(
  "types are made, described, restricted to projects and deleted when unused",
  inCloud(async (cloud) => {
    const { call } = cloud;
    const body = { volume_type: { name: "gold", "os-volume-type-access:is_public": false } };
    const made = await call("admin", "POST", `${adminRoot}/types`, { body });
    const { id } = (made.body as Body).volume_type;
    const asMember = () =>
      call("member", "POST", `${root}/volumes`, { body: { volume: { size: 1, volume_type: "gold" } } });

    assert.equal((await call("admin", "POST", `${adminRoot}/types`, { body })).status, 409);
    assert.equal((await asMember()).status, 404);
    await call("admin", "POST", `${adminRoot}/types/${id}/action`, {
      body: { addProjectAccess: { project: member } },
    });
    assert.equal((await asMember()).status, 202);
    await cloud.settle();
    assert.equal((await call("admin", "DELETE", `${adminRoot}/types/${id}`)).status, 400);
    await call("admin", "POST", `${adminRoot}/types/${id}/extra_specs`, {
      body: { extra_specs: { a: "b" } },
    });
    const shown = await call("admin", "GET", `${adminRoot}/types/${id}/extra_specs/a`);
    assert.deepEqual(shown.body, { a: "b" });
    assert.equal((await call("member", "DELETE", `${root}/types/${id}`)).status, 403);
  }),
);

test(
  "metadata is set, replaced and removed pair by pair",
  inCloud(async (cloud) => {
    const url = `${root}/volumes/${await created(cloud)}/metadata`;
    const all = async () => ((await cloud.call("member", "GET", url)).body as Body).metadata;

    await cloud.call("member", "POST", url, { body: { metadata: { a: "1", b: "2" } } });
    await cloud.call("member", "PUT", `${url}/a`, { body: { meta: { a: "3" } } });
    assert.deepEqual(await all(), { a: "3", b: "2" });
    assert.equal((await cloud.call("member", "DELETE", `${url}/a`)).status, 200);
    assert.equal((await cloud.call("member", "DELETE", `${url}/a`)).status, 404);
    await cloud.call("member", "PUT", url, { body: { metadata: { c: "4" } } });
    assert.deepEqual(await all(), { c: "4" });
  }),
);
