// The image API as clients use it, over a real store and real files.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { sameShape, testAuthenticator, testContext, testServer } from "@micronova/http/testing";
import { run } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { testStore } from "@micronova/store/testing";
import type { ImageDeps } from "./deps.ts";
import {
  imageFiles,
  imageInvariants,
  imageMigrations,
  imageService,
  imageSource,
  imageSweeper,
  images,
  uploadImage,
} from "./index.ts";

const samples = new URL("../../../shared/api/samples/image/", import.meta.url);
const noSamples = existsSync(samples) ? false : "the samples are not on this machine";
const sample = (name: string) => JSON.parse(readFileSync(new URL(name, samples), "utf8"));

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests.
type Body = Record<string, any>;

async function aCloud(place?: string) {
  const platform = testPlatform();
  const dir = place ?? (await mkdtemp(join(tmpdir(), "micronova-image-")));
  const store = await testStore(platform, imageMigrations);
  const files = imageFiles({ dir });
  const authenticator = testAuthenticator({ stranger: testContext({ projectId: "3".repeat(32) }) });
  const deps = { platform, store, files };
  const { call } = testServer(platform, { "/image": imageService({ ...deps, authenticator }) });
  const ask = async (token: string, method: string, path: string, body?: unknown, headers = {}) => {
    const answer = await call(token, method, `/image/v2${path}`, {
      ...(body === undefined ? {} : { body }),
      headers,
    });
    // Tests look into what they know to be there.
    return { ...answer, body: answer.body as Body };
  };
  const make = async (token: string, attributes: Body = {}) => {
    const body = { name: "one", disk_format: "raw", container_format: "bare", ...attributes };
    const made = await ask(token, "POST", "/images", body);
    assert.equal(made.status, 201, JSON.stringify(made.body));
    return made.body["id"] as string;
  };
  const put = (token: string, id: string, bytes: unknown) =>
    ask(token, "PUT", `/images/${id}/file`, bytes, { "content-type": "application/octet-stream" });
  const patch = (token: string, id: string, operations: unknown) =>
    ask(token, "PATCH", `/images/${id}`, operations, {
      "content-type": "application/openstack-images-v2.1-json-patch",
    });
  const end = async () => {
    for (const { name, find } of imageInvariants) assert.deepEqual(await find(store.read), [], name);
    await store.close();
    await rm(dir, { recursive: true });
  };
  return { platform, dir, deps, store, files, call, ask, make, put, patch, end };
}

test("an image is made, filled, shown, fetched and deleted", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member", { os_distro: "debian" });
  const queued = await cloud.ask("member", "GET", `/images/${id}`);
  assert.deepEqual(
    [queued.body["status"], queued.body["size"], queued.body["visibility"]],
    ["queued", null, "shared"],
  );
  assert.equal((await cloud.ask("member", "GET", `/images/${id}/file`)).status, 204);

  assert.equal((await cloud.put("member", id, Buffer.from("hello"))).status, 204);

  const { body } = await cloud.ask("member", "GET", `/images/${id}`);
  assert.equal(body["status"], "active");
  assert.equal(body["checksum"], "5d41402abc4b2a76b9719d911017c592");
  assert.equal(body["os_hash_value"].slice(0, 16), "9b71d224bd62f378");
  assert.deepEqual([body["size"], body["virtual_size"], body["os_distro"]], [5, 5, "debian"]);
  const data = await cloud.ask("member", "GET", `/images/${id}/file`);
  assert.equal(String(data.body), "hello");
  assert.equal(data.headers["content-md5"], body["checksum"]);
  assert.equal(data.headers["content-length"], "5");
  const source = await imageSource(cloud.store.read, id);
  assert.deepEqual(
    [source.disk_format, source.path, source.properties],
    ["raw", join(cloud.dir, id), { os_distro: "debian" }],
  );

  assert.equal((await cloud.ask("member", "DELETE", `/images/${id}`)).status, 204);
  assert.equal((await cloud.ask("member", "GET", `/images/${id}`)).status, 404);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(readdirSync(cloud.dir), []);
  await cloud.end();
});

test("a range of the data can be fetched", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member");
  await cloud.put("member", id, Buffer.from("0123456789"));
  const range = (text: string) =>
    cloud.ask("member", "GET", `/images/${id}/file`, undefined, { range: text });

  const middle = await range("bytes=2-4");
  assert.deepEqual(
    [middle.status, String(middle.body), middle.headers["content-range"]],
    [206, "234", "bytes 2-4/10"],
  );
  assert.equal(String((await range("bytes=-3")).body), "789");
  assert.equal(String((await range("bytes=8-99")).body), "89");
  assert.equal((await range("bytes=10-")).status, 416);
  await cloud.end();
});

test("answers have the shapes of Glance's samples", { skip: noSamples }, async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member");
  await cloud.put("member", id, Buffer.from("data"));
  await cloud.ask("member", "POST", `/images/${id}/members`, { member: "4".repeat(32) });
  const same = async (path: string, name: string, except: readonly string[] = []) => {
    const answer = await cloud.ask("member", "GET", path);
    assert.deepEqual(sameShape(answer.body, sample(name), { except }), [], name);
  };

  await same(`/images/${id}`, "v2/image-show-response.json");
  await same("/images", "v2/images-list-response.json");
  await same(`/images/${id}/members`, "v2/image-members-list-response.json");
  await same(`/images/${id}/members/${"4".repeat(32)}`, "v2/image-member-details-response.json");
  await same("/info/import", "v2/image-info-import-response.json");
  await same("/schemas/image", "v2/schemas-image-show-response.json");
  // The sample of the list is older than that of the image.
  const newer = "properties.images.items.properties.locations.items.properties.validation_data";
  await same("/schemas/images", "v2/schemas-images-list-response.json", [newer]);
  await same("/schemas/member", "v2/schemas-image-member-show-response.json");
  await same("/schemas/members", "v2/schemas-image-members-list-response.json");
  const made = await cloud.ask("member", "POST", "/images", sample("v2/image-create-request.json"));
  assert.deepEqual(
    sameShape(made.body, sample("v2/image-create-response.json"), { except: ["locations"] }),
    [],
  );
  const changed = await cloud.patch("member", id, sample("v2/image-update-request.json"));
  assert.deepEqual(
    sameShape(changed.body, sample("v2/image-update-response.json"), { except: ["locations"] }),
    [],
  );
  const versions = await cloud.call(null, "GET", "/image/");
  assert.equal(versions.status, 300);
  assert.deepEqual(sameShape(versions.body, sample("versions/image-versions-response.json")), []);
  await cloud.end();
});

test("another project's private image does not exist for one; a visible one cannot be changed", async () => {
  const cloud = await aCloud();
  const mine = await cloud.make("member", { visibility: "private" });
  const community = await cloud.make("member", { visibility: "community" });

  const hidden = await cloud.ask("stranger", "GET", `/images/${mine}`);
  assert.equal(hidden.status, 404);
  assert.match(hidden.body["message"], new RegExp(`No image found with ID ${mine}`));
  assert.equal((await cloud.ask("stranger", "GET", `/images/${community}`)).status, 200);
  const refused = await cloud.ask("stranger", "DELETE", `/images/${community}`);
  assert.equal(refused.status, 403);
  assert.match(refused.body["message"], /not authorized to complete delete_image action/);
  assert.equal((await cloud.ask("admin", "GET", `/images/${mine}`)).status, 200);
  assert.equal((await cloud.put("stranger", community, Buffer.from("x"))).status, 403);
  await cloud.end();
});

test("only administrators make images public", async () => {
  const cloud = await aCloud();
  const refused = await cloud.ask("member", "POST", "/images", { visibility: "public" });
  assert.equal(refused.status, 403);
  assert.match(refused.body["message"], /publicize_image/);
  const id = await cloud.make("member");
  assert.equal(
    (await cloud.patch("member", id, [{ op: "replace", path: "/visibility", value: "public" }])).status,
    403,
  );
  const shown = await cloud.make("admin", { visibility: "public" });
  assert.equal((await cloud.ask("stranger", "GET", `/images/${shown}`)).status, 200);
  await cloud.end();
});

test("a patch adds, replaces and removes, and refuses what is Glance's own", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member", { os_distro: "debian", tags: ["a"] });

  const changed = await cloud.patch("member", id, [
    { op: "replace", path: "/name", value: "two" },
    { op: "add", path: "/min_disk", value: 3 },
    { op: "add", path: "/hw_disk_bus", value: "virtio" },
    { op: "remove", path: "/os_distro" },
    { op: "replace", path: "/tags", value: ["b", "c", "b"] },
    { op: "replace", path: "/protected", value: true },
  ]);

  assert.equal(changed.status, 200);
  const { name, min_disk, hw_disk_bus, os_distro, tags, protected: isProtected } = changed.body;
  assert.deepEqual([name, min_disk, hw_disk_bus, os_distro], ["two", 3, "virtio", undefined]);
  assert.deepEqual([tags, isProtected], [["b", "c"], true]);
  const status = async (operation: object) => (await cloud.patch("member", id, [operation])).status;
  assert.equal(await status({ op: "replace", path: "/status", value: "active" }), 403);
  assert.equal(await status({ op: "remove", path: "/name" }), 403);
  assert.equal(await status({ op: "add", path: "/os_glance_x", value: "" }), 403);
  assert.equal(await status({ op: "replace", path: "/nothing", value: "" }), 409);
  assert.equal(await status({ op: "remove", path: "/nothing" }), 409);
  assert.equal(await status({ op: "add", path: "/number", value: 3 }), 400);
  assert.equal(await status({ op: "add", path: "name", value: "x" }), 400);
  assert.equal(await status({ op: "add", path: "/locations/-", value: {} }), 403);
  assert.equal(await status({ replace: "/name", value: "old form" }), 200);
  const wrongType = await cloud.ask("member", "PATCH", `/images/${id}`, []);
  assert.equal(wrongType.status, 415);
  assert.match(wrongType.headers["accept-patch"]!, /v2.1-json-patch/);
  const kept = await cloud.ask("member", "DELETE", `/images/${id}`);
  assert.equal(kept.status, 403);
  assert.match(kept.body["message"], /is protected and cannot be deleted/);
  await cloud.end();
});

test("what cannot be made is refused: used ids, read-only names, wrong types", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member", { id: "b2173dd3-7ad6-4362-baa6-a68bce3565cb" });
  const status = async (body: object) => (await cloud.ask("member", "POST", "/images", body)).status;

  assert.equal(await status({ id }), 409);
  assert.equal(await status({ size: 3 }), 403);
  assert.equal(await status({ disk_format: "floppy" }), 400);
  assert.equal(await status({ min_disk: -1 }), 400);
  assert.equal(await status({ custom: 7 }), 400);
  assert.equal(await status({ owner: "4".repeat(32) }), 403);
  assert.equal(await status({ name: "x".repeat(256) }), 400);
  assert.equal(await status({}), 201);
  await cloud.end();
});

test("lists filter, sort and page", async () => {
  const cloud = await aCloud();
  for (const name of ["c", "a", "b", "d"]) {
    await cloud.platform.clock.advance(1000);
    await cloud.make("member", { name, tags: name < "c" ? ["first"] : [], hw_machine_type: name });
  }
  await cloud.make("member", { name: "hidden", os_hidden: true });
  const names = async (query: string) => {
    const answer = await cloud.ask("member", "GET", `/images?${query}`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body["images"].map((image: Body) => image["name"]).join("");
  };

  assert.equal(await names(""), "dbac");
  assert.equal(await names("sort=name:asc"), "abcd");
  assert.equal(await names("sort_key=name&sort_dir=desc"), "dcba");
  assert.equal(await names("name=a"), "a");
  assert.equal(await names("name=in:a,%22b%22"), "ba");
  assert.equal(await names("tag=first&sort=name"), "ba");
  assert.equal(await names("hw_machine_type=c"), "c");
  assert.equal(await names("status=active"), "");
  assert.equal(await names("os_hidden=true"), "hidden");
  assert.equal(await names("created_at=gt:2026-01-01T00:00:02Z"), "db");
  assert.equal(await names("created_at=lte:2026-01-01T00:00:02"), "ac");
  assert.equal(await names("visibility=public"), "");

  let next = "/v2/images?sort=name:asc&limit=2";
  let seen = "";
  for (let pages = 0; next !== undefined && pages < 5; pages++) {
    const page = await cloud.ask("member", "GET", next.replace("/v2", ""));
    seen += page.body["images"].map((image: Body) => image["name"]).join("");
    next = page.body["next"];
  }
  assert.equal(seen, "abcd");
  for (const bad of [
    "limit=x",
    "sort=colour",
    "visibility=none",
    "protected=maybe",
    `marker=${"0".repeat(36)}`,
  ]) {
    assert.equal((await cloud.ask("member", "GET", `/images?${bad}`)).status, 400, bad);
  }
  await cloud.end();
});

test("a shared image is listed by a member once it has accepted", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member");
  const stranger = "3".repeat(32);
  const listed = async () => (await cloud.ask("stranger", "GET", "/images")).body["images"].length;
  assert.equal((await cloud.ask("stranger", "GET", `/images/${id}`)).status, 404);

  assert.equal(
    (await cloud.ask("member", "POST", `/images/${id}/members`, { member: stranger })).status,
    200,
  );
  assert.equal(
    (await cloud.ask("member", "POST", `/images/${id}/members`, { member: stranger })).status,
    409,
  );
  assert.equal((await cloud.ask("stranger", "GET", `/images/${id}`)).status, 200);
  assert.equal(await listed(), 0);
  const own = `/images/${id}/members/${stranger}`;
  assert.equal((await cloud.ask("member", "PUT", own, { status: "accepted" })).status, 403);
  assert.equal((await cloud.ask("stranger", "PUT", own, { status: "accepted" })).status, 200);
  assert.equal(await listed(), 1);

  assert.equal((await cloud.ask("member", "DELETE", own)).status, 204);
  assert.equal((await cloud.ask("stranger", "GET", `/images/${id}`)).status, 404);
  await cloud.patch("member", id, [{ op: "replace", path: "/visibility", value: "private" }]);
  assert.equal((await cloud.ask("member", "GET", `/images/${id}/members`)).status, 403);
  await cloud.end();
});

test("tags come and go", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member");
  for (const times of [1, 2]) {
    assert.equal((await cloud.ask("member", "PUT", `/images/${id}/tags/blue`)).status, 204, `time ${times}`);
  }
  assert.deepEqual((await cloud.ask("member", "GET", `/images/${id}`)).body["tags"], ["blue"]);
  assert.equal((await cloud.ask("member", "DELETE", `/images/${id}/tags/blue`)).status, 204);
  assert.equal((await cloud.ask("member", "DELETE", `/images/${id}/tags/blue`)).status, 404);
  await cloud.end();
});

test("a deactivated image keeps its data from all but administrators", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member");
  assert.equal((await cloud.ask("member", "POST", `/images/${id}/actions/deactivate`)).status, 403);
  await cloud.put("member", id, Buffer.from("x"));

  assert.equal((await cloud.ask("member", "POST", `/images/${id}/actions/deactivate`)).status, 204);
  assert.equal((await cloud.ask("member", "GET", `/images/${id}/file`)).status, 403);
  assert.equal((await cloud.ask("admin", "GET", `/images/${id}/file`)).status, 200);
  await assert.rejects(imageSource(cloud.store.read, id), /is not active/);
  assert.equal((await cloud.ask("member", "POST", `/images/${id}/actions/reactivate`)).status, 204);
  assert.equal((await cloud.ask("member", "GET", `/images/${id}/file`)).status, 200);
  await cloud.end();
});

test("an upload that fails leaves the image queued and no file", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member");
  const broken = Readable.from(
    (async function* () {
      yield Buffer.alloc(1000);
      throw new Error("the client went away");
    })(),
  );

  assert.equal((await cloud.put("member", id, broken)).status, 400);
  assert.equal((await cloud.ask("member", "GET", `/images/${id}`)).body["status"], "queued");
  assert.deepEqual(readdirSync(cloud.dir), []);
  const short = await cloud.ask("member", "PUT", `/images/${id}/file`, Buffer.from("abc"), {
    "content-type": "application/octet-stream",
    "x-openstack-image-size": "5",
  });
  assert.equal(short.status, 400);
  assert.match(short.body["message"], /said the image has 5 bytes, but 3 arrived/);
  const wrongType = await cloud.ask("member", "PUT", `/images/${id}/file`, { a: 1 });
  assert.equal(wrongType.status, 415);

  assert.equal((await cloud.put("member", id, Buffer.from("good"))).status, 204);
  const again = await cloud.put("member", id, Buffer.from("more"));
  assert.equal(again.status, 409);
  assert.match(again.body["message"], /Image status transition from active to saving is not allowed/);
  const bare = await cloud.make("member", { disk_format: null });
  assert.equal((await cloud.put("member", bare, Buffer.from("x"))).status, 400);
  await cloud.end();
});

const smallDisk = await mkdtemp(join(tmpdir(), "micronova-small-"));
const noMount = await run("mount", ["-t", "tmpfs", "-o", "size=256k", "none", smallDisk]).then(
  () => false as const,
  () => "file systems cannot be mounted here",
);
after(async () => {
  if (noMount === false) await run("umount", [smallDisk]);
  await rm(smallDisk, { recursive: true });
});

test("of two uploads at once, one is taken and the other told so", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member");

  const answers = await Promise.all([
    cloud.put("member", id, Buffer.from("one")),
    cloud.put("member", id, Buffer.from("two")),
  ]);

  assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 409]);
  await cloud.end();
});

test("an upload that fills the disk is undone and says so", { skip: noMount }, async () => {
  const cloud = await aCloud(join(smallDisk, "images"));
  const id = await cloud.make("member");

  const full = await cloud.put("member", id, Buffer.alloc(1_000_000));

  assert.equal(full.status, 413);
  assert.match(full.body["message"], /^Image storage media is full/);
  assert.deepEqual(readdirSync(cloud.dir), []);
  assert.equal((await cloud.put("member", id, Buffer.alloc(1000))).status, 204);
  await cloud.end();
});

test("an image deleted while it is uploaded leaves nothing", async () => {
  const cloud = await aCloud();
  const id = await cloud.make("member");
  const slow = Readable.from(
    (async function* () {
      yield Buffer.alloc(1000);
      assert.equal((await cloud.ask("member", "DELETE", `/images/${id}`)).status, 204);
      yield Buffer.alloc(1000);
    })(),
  );

  assert.equal((await cloud.put("member", id, slow)).status, 410);
  assert.deepEqual(readdirSync(cloud.dir), []);
  await cloud.end();
});

test("an upload cut short by a crash is undone at the next start", async () => {
  const cloud = await aCloud();
  const context = testContext();
  const kept = await cloud.make("member");
  await cloud.put("member", kept, Buffer.from("kept"));
  const id = await cloud.make("member");
  // Never ends: the process that reads it is taken to be dead from here on.
  const endless = new Readable({ read() {} });
  endless.push(Buffer.alloc(1000));
  const upload = uploadImage(cloud.deps, context, { id, stream: endless, size: null });
  upload.catch(() => {});
  while (readdirSync(cloud.dir).length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal((await images.get(cloud.store.read, context, id)).status, "saving");

  await imageSweeper(cloud.deps).start();

  assert.equal((await images.get(cloud.store.read, context, id)).status, "queued");
  assert.deepEqual(readdirSync(cloud.dir), [kept]);
  endless.destroy();
  await assert.rejects(upload);
  assert.equal((await images.get(cloud.store.read, context, id)).status, "queued");
  await cloud.end();
});

test("an upload of an API that is gone is undone, and not one of an API whose clock is wrong", async () => {
  const cloud = await aCloud();
  const { clock } = cloud.platform;
  const context = testContext();
  const begin = async (deps: ImageDeps) => {
    const id = await cloud.make("member");
    const stream = new Readable({ read() {} });
    stream.push(Buffer.alloc(1000));
    const before = readdirSync(cloud.dir).length;
    const ended = uploadImage(deps, context, { id, stream, size: null }).catch(() => "undone");
    while (readdirSync(cloud.dir).length === before) await new Promise((resolve) => setTimeout(resolve, 1));
    return { id, stream, ended };
  };
  const hourAhead = { ...clock, now: () => clock.now() + 3_600_000 };
  const frozen = { ...clock, sleep: () => new Promise<void>(() => {}) };
  const living = await begin({ ...cloud.deps, owner: "api-2" });
  const gone = await begin({
    ...cloud.deps,
    owner: "api-3",
    platform: { ...cloud.deps.platform, clock: frozen },
  });
  const platform = { ...cloud.deps.platform, clock: hourAhead };
  const store = cloud.store.seenBy(platform);
  const watching: ImageDeps = { ...cloud.deps, owner: "api-1", platform, store };
  const sweeper = imageSweeper(watching);
  await sweeper.start();

  for (let second = 0; second < 70; second++) await clock.advance(1_000);

  const statusOf = async ({ id }: { readonly id: string }) =>
    (await images.get(cloud.store.read, context, id)).status;
  assert.deepEqual([await statusOf(living), await statusOf(gone)], ["saving", "queued"]);
  for (const { stream } of [living, gone]) stream.destroy();
  const stopping = sweeper.stop();
  await clock.advance(1_000);
  await stopping;
  await cloud.end();
});
