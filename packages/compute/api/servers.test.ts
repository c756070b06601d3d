import assert from "node:assert/strict";
import { test } from "node:test";
import { errorTable } from "@micronova/kit";
import { ports } from "@micronova/network";
import type { VirtDriver } from "../drivers/driver.ts";
import { type TestCloud, testCloud } from "../testing.ts";

const failures = errorTable("compute-test", {
  broken: { status: 500, text: (host: string) => `The disk of ${host} is full.` },
});

/** The same driver, but hosts of these names cannot start guests. */
const brokenOn =
  (...hosts: readonly string[]) =>
  (driver: VirtDriver, host: string): VirtDriver =>
    hosts.includes(host) ? { ...driver, spawn: () => Promise.reject(failures.broken(host)) } : driver;

async function quiet(cloud: TestCloud): Promise<void> {
  await cloud.assertInvariants();
  await cloud.stop();
}

interface Message {
  readonly code: number;
  readonly message: string;
}
const messageOf = (body: unknown): Message => {
  // Nova's faults have one key, whatever its name.
  const [fault] = Object.values(body as Record<string, Message>);
  return fault!;
};

test("a server is booted, shown and deleted, and nothing of it is left", async () => {
  const cloud = await testCloud();

  const id = await cloud.boot({ metadata: { role: "web" } });
  const server = await cloud.reaches(id, "ACTIVE");

  assert.equal(server["name"], "web");
  assert.equal(server["OS-EXT-STS:power_state"], 1);
  assert.deepEqual(server["metadata"], { role: "web" });
  assert.match(JSON.stringify(server["addresses"]), /"private":\[\{"version":4,"addr":"192\.168\.233\./);
  await cloud.assertInvariants();

  const { status } = await cloud.ask({ method: "DELETE", path: `/servers/${id}` });
  assert.equal(status, 204);
  await cloud.gone(id);
  for (const driver of cloud.drivers.values()) assert.deepEqual(await driver.list(), []);
  const left = await cloud.store.read.selectFrom("ports").select("id").where("device_id", "=", id).execute();
  assert.deepEqual(left, []);
  await quiet(cloud);
});

test("a server goes through its states and back, by the actions that Nova's clients send", async () => {
  const cloud = await testCloud();
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");
  const steps: readonly [object, string][] = [
    [{ "os-stop": null }, "SHUTOFF"],
    [{ "os-start": null }, "ACTIVE"],
    [{ reboot: { type: "SOFT" } }, "ACTIVE"],
    [{ pause: null }, "PAUSED"],
    [{ unpause: null }, "ACTIVE"],
    [{ suspend: null }, "SUSPENDED"],
    [{ resume: null }, "ACTIVE"],
    [{ "os-stop": null }, "SHUTOFF"],
    [{ reboot: { type: "HARD" } }, "ACTIVE"],
  ];

  for (const [body, status] of steps) {
    const answer = await cloud.ask({ method: "POST", path: `/servers/${id}/action`, body });
    assert.equal(answer.status, 202, JSON.stringify([body, answer.body]));
    await cloud.reaches(id, status);
  }

  const { body } = await cloud.ask({ path: `/servers/${id}/os-instance-actions` });
  const actions = (body as { instanceActions: { action: string }[] }).instanceActions.map(
    ({ action }) => action,
  );
  const expected = "reboot stop resume suspend unpause pause reboot start stop create";
  assert.equal(actions.join(" "), expected);
  await quiet(cloud);
});

test("an action that the state forbids is refused in Nova's words", async () => {
  const cloud = await testCloud();
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");

  const refused = await cloud.ask({
    method: "POST",
    path: `/servers/${id}/action`,
    body: { "os-start": null },
  });
  const unknown = await cloud.ask({ method: "POST", path: `/servers/${id}/action`, body: { dance: null } });
  const other = await cloud.ask({ path: "/servers/00000000-0000-4000-8000-00000000dead" });

  assert.equal(refused.status, 409);
  assert.equal(
    messageOf(refused.body).message,
    `Cannot 'start' instance ${id} while it is in vm_state active`,
  );
  assert.equal(unknown.status, 400);
  assert.equal(other.status, 404);
  assert.equal(
    messageOf(other.body).message,
    "Instance 00000000-0000-4000-8000-00000000dead could not be found.",
  );
  await quiet(cloud);
});

test("a locked server refuses its users, and obeys administrators", async () => {
  const cloud = await testCloud();
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");
  const act = (body: object, token?: string, version?: string) =>
    cloud.ask({
      method: "POST",
      path: `/servers/${id}/action`,
      body,
      ...(token === undefined ? {} : { token }),
      ...(version === undefined ? {} : { version }),
    });

  assert.equal((await act({ lock: { locked_reason: "audit" } }, "admin", "2.73")).status, 202);
  const stopped = await act({ "os-stop": null });
  const unlocked = await act({ unlock: null });
  const { body } = await cloud.ask({ path: `/servers/${id}`, version: "2.73" });

  assert.deepEqual([stopped.status, messageOf(stopped.body).message], [409, `Instance ${id} is locked`]);
  assert.equal(unlocked.status, 403);
  assert.equal((body as { server: Record<string, unknown> }).server["locked_reason"], "audit");
  assert.equal((await act({ unlock: null }, "admin")).status, 202);
  assert.equal((await act({ "os-stop": null })).status, 202);
  await cloud.reaches(id, "SHUTOFF");
  await quiet(cloud);
});

test("a host that cannot start a guest is left for another", async () => {
  const cloud = await testCloud({ hosts: 3, wrap: brokenOn("h1", "h2") });

  const ids = await Promise.all(Array.from({ length: 4 }, () => cloud.boot()));
  for (const id of ids) {
    const server = await cloud.reaches(id, "ACTIVE");
    assert.equal(server["OS-EXT-SRV-ATTR:host"], "h3");
  }

  await quiet(cloud);
});

test("when all hosts fail the server is in error, says why, and can be deleted", async () => {
  const cloud = await testCloud({ hosts: 2, wrap: brokenOn("h1", "h2") });

  const id = await cloud.boot();
  const server = await cloud.reaches(id, "ERROR");
  const { code, message } = server["fault"] as Message;

  assert.equal(code, 500);
  assert.match(message, /^Exceeded maximum number of retries\. Exhausted all hosts available/);
  assert.match(message, /The disk of h[12] is full\. .*, request req-/);
  assert.equal(server["OS-EXT-SRV-ATTR:host"], null);
  await cloud.assertInvariants();
  await cloud.ask({ method: "DELETE", path: `/servers/${id}` });
  await cloud.gone(id);
  await quiet(cloud);
});

test("a server that no host can hold says how many hosts lack what", async () => {
  const cloud = await testCloud({ inventory: { memoryMb: 1_024 } });

  const id = await cloud.boot({ flavorRef: "5" });
  const { message } = (await cloud.reaches(id, "ERROR"))["fault"] as Message;

  assert.match(
    message,
    /^No valid host was found\. 2 hosts: 2 short of memory, need 16384 MB, best has 512 MB/,
  );
  await quiet(cloud);
});

test("a server is deleted while it is still being built, and leaves nothing", async () => {
  const cloud = await testCloud();

  const id = await cloud.boot();
  const first = await cloud.ask({ method: "DELETE", path: `/servers/${id}` });
  const again = await cloud.ask({ method: "DELETE", path: `/servers/${id}` });

  assert.deepEqual([first.status, again.status], [204, 204]);
  await cloud.gone(id);
  for (const driver of cloud.drivers.values()) assert.deepEqual(await driver.list(), []);
  await quiet(cloud);
});

test("several servers of one request share a reservation and are numbered", async () => {
  const cloud = await testCloud();
  const server = {
    name: "w",
    imageRef: cloud.imageId,
    flavorRef: "1",
    min_count: 3,
    return_reservation_id: true,
  };

  const { body } = await cloud.ask({ method: "POST", path: "/servers", body: { server } });
  const { reservation_id } = body as { reservation_id: string };
  const list = await cloud.ask({
    path: `/servers?reservation_id=${reservation_id}&sort_key=display_name&sort_dir=asc`,
  });

  const names = (list.body as { servers: { name: string; id: string }[] }).servers;
  assert.deepEqual(
    names.map(({ name }) => name),
    ["w-1", "w-2", "w-3"],
  );
  for (const { id } of names) await cloud.reaches(id, "ACTIVE");
  await quiet(cloud);
});

test("a request that names what is not there is refused, and nothing is made", async () => {
  const cloud = await testCloud();
  const nobody = "00000000-0000-4000-8000-00000000dead";
  const good = { name: "web", imageRef: cloud.imageId, flavorRef: "1" };
  const cases: readonly [object, number, RegExp][] = [
    [{ ...good, imageRef: nobody }, 400, new RegExp(nobody)],
    [{ ...good, imageRef: "tiny" }, 400, /Invalid imageRef/],
    [{ ...good, imageRef: undefined }, 400, /Invalid imageRef/],
    [{ ...good, flavorRef: "none" }, 400, /Flavor none could not be found/],
    [{ ...good, networks: [{ uuid: nobody }] }, 400, new RegExp(`Network ${nobody} could not be found`)],
    [{ ...good, networks: [{ port: nobody }] }, 400, new RegExp(`Port id ${nobody} could not be found`)],
    [{ ...good, key_name: "mine" }, 400, /key_name.*mine/],
    [{ ...good, security_groups: [{ name: "mine" }] }, 400, /Security group mine not found/],
    [{ ...good, availability_zone: "mars" }, 400, /availability zone is not available: mars/],
    [{ ...good, availability_zone: "nova:h1" }, 403, /forced_host/],
    [{ ...good, user_data: "not base64!" }, 400, /base 64/],
    [{ ...good, min_count: 3, max_count: 2 }, 400, /min_count must be <= max_count/],
    [{ ...good, min_count: 11 }, 403, /Quota exceeded for instances: Requested 11, but already used 0 of 10/],
    [{ ...good, name: "" }, 400, /name/],
    [{ ...good, colour: "blue" }, 400, /colour/],
    [
      { ...good, block_device_mapping_v2: [{ source_type: "volume", uuid: nobody, boot_index: 0 }] },
      400,
      new RegExp(nobody),
    ],
  ];

  for (const [server, status, text] of cases) {
    const answer = await cloud.ask({ method: "POST", path: "/servers", body: { server } });
    assert.equal(answer.status, status, JSON.stringify([server, answer.body]));
    assert.match(messageOf(answer.body).message, text);
  }
  const { body } = await cloud.ask({ path: "/servers?all_tenants=1", token: "admin" });
  assert.deepEqual((body as { servers: object[] }).servers, []);
  await quiet(cloud);
});

test("lists are narrowed, sorted and paged, and show a project only its own", async () => {
  const cloud = await testCloud();
  for (const name of ["alpha", "beta", "gamma"]) await cloud.reaches(await cloud.boot({ name }), "ACTIVE");
  const foreign = await cloud.boot({ name: "foreign" }, "admin");
  await cloud.reaches(foreign, "ACTIVE");
  const names = async (query: string, token = "member", version = "2.1") => {
    const { status, body } = await cloud.ask({ path: `/servers${query}`, token, version });
    assert.equal(status, 200, JSON.stringify(body));
    return (body as { servers: { name: string }[] }).servers.map(({ name }) => name).join(" ");
  };

  assert.equal(await names("?sort_key=display_name&sort_dir=asc"), "alpha beta gamma");
  assert.equal(await names("?name=a$&sort_key=display_name&sort_dir=desc"), "gamma beta alpha");
  assert.equal(await names("?name=^be"), "beta");
  assert.equal(await names("?status=SHUTOFF"), "");
  const [withDrive, without] = [await names("?config_drive=True"), await names("?config_drive=False")];
  assert.equal(`${withDrive}${without}`.split(" ").length, 3, "each server is in one of the two lists");
  assert.equal(await names("?status=active&limit=2&sort_key=display_name&sort_dir=asc"), "alpha beta");
  assert.equal(await names("?host=nowhere"), await names(""), "what users may not filter by is ignored");
  assert.equal((await names("?all_tenants=1", "admin")).split(" ").length, 4);
  assert.equal(await names(`?all_tenants=1&project_id=${"1".repeat(32)}`, "admin"), "foreign");
  assert.equal((await cloud.ask({ path: `/servers/${foreign}` })).status, 404);
  assert.equal((await cloud.ask({ path: "/servers?all_tenants=1" })).status, 403);
  assert.equal((await cloud.ask({ path: "/servers?colour=blue", version: "2.75" })).status, 400);
  assert.equal((await cloud.ask({ path: "/servers?marker=nobody" })).status, 400);
  await quiet(cloud);
});

test("pages follow one another to the end by their links", async () => {
  const cloud = await testCloud();
  for (let at = 0; at < 5; at++) await cloud.boot({ name: `s${at}`, networks: [] });
  const seen: string[] = [];

  let path: string | null = "/servers/detail?limit=2";
  while (path !== null) {
    const { body } = await cloud.ask({ path });
    const page = body as { servers: { id: string }[]; servers_links?: { href: string }[] };
    seen.push(...page.servers.map(({ id }) => id));
    path = page.servers_links?.[0]?.href.split("/compute/v2.1")[1] ?? null;
  }

  assert.equal(new Set(seen).size, 5);
  assert.equal(seen.length, 5);
  await cloud.stop();
});

test("a volume is attached, survives the server, and is free again", async () => {
  const cloud = await testCloud();
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");
  const volumeId = await cloud.volume();
  const statusIs = (status: string) =>
    cloud.until(`the volume is ${status}`, async () => {
      const row = await cloud.store.read
        .selectFrom("volumes")
        .select("status")
        .where("id", "=", volumeId)
        .executeTakeFirstOrThrow();
      return row.status === status;
    });
  const attachments = `/servers/${id}/os-volume_attachments`;
  const body = { volumeAttachment: { volumeId } };

  const attached = await cloud.ask({ method: "POST", path: attachments, body });
  const twice = await cloud.ask({ method: "POST", path: attachments, body });
  await statusIs("in-use");
  assert.equal(
    (attached.body as { volumeAttachment: { device: string } }).volumeAttachment.device,
    "/dev/vdb",
  );
  assert.equal(twice.status, 400);

  assert.equal((await cloud.ask({ method: "DELETE", path: `${attachments}/${volumeId}` })).status, 202);
  await statusIs("available");
  await cloud.ask({ method: "POST", path: attachments, body });
  await statusIs("in-use");
  await cloud.ask({ method: "DELETE", path: `/servers/${id}` });
  await cloud.gone(id);
  await statusIs("available");
  assert.equal((await cloud.ask({ method: "POST", path: attachments, body })).status, 404);
  await quiet(cloud);
});

test("a server boots from a volume, and its image is the empty text", async () => {
  const cloud = await testCloud();
  const volumeId = await cloud.volume();

  const id = await cloud.boot({
    imageRef: "",
    block_device_mapping_v2: [
      { boot_index: 0, uuid: volumeId, source_type: "volume", destination_type: "volume" },
    ],
  });
  const server = await cloud.reaches(id, "ACTIVE");

  assert.equal(server["image"], "");
  assert.deepEqual(server["os-extended-volumes:volumes_attached"], [
    { id: volumeId, delete_on_termination: false },
  ]);
  const detach = await cloud.ask({
    method: "DELETE",
    path: `/servers/${id}/os-volume_attachments/${volumeId}`,
  });
  assert.equal(detach.status, 400);
  await quiet(cloud);
});

test("a volume that ends with its server does", async () => {
  const cloud = await testCloud();
  const volumeId = await cloud.volume();
  const disk = { uuid: volumeId, source_type: "volume", destination_type: "volume" };

  const id = await cloud.boot({ block_device_mapping_v2: [{ ...disk, delete_on_termination: true }] });
  await cloud.reaches(id, "ACTIVE");
  await cloud.ask({ method: "DELETE", path: `/servers/${id}` });
  await cloud.gone(id);

  await cloud.until("the volume is gone", async () => {
    const rows = await cloud.store.read
      .selectFrom("volumes")
      .select("id")
      .where("id", "=", volumeId)
      .execute();
    return rows.length === 0;
  });
  await quiet(cloud);
});

test("metadata and tags are kept, changed and removed", async () => {
  const cloud = await testCloud();
  const id = await cloud.boot({ metadata: { a: "1" } });
  await cloud.reaches(id, "ACTIVE");
  const ask = (method: string, path: string, body?: unknown) =>
    cloud.ask({
      method,
      path: `/servers/${id}${path}`,
      version: "2.26",
      ...(body === undefined ? {} : { body }),
    });

  assert.deepEqual((await ask("POST", "/metadata", { metadata: { b: "2" } })).body, {
    metadata: { a: "1", b: "2" },
  });
  assert.deepEqual((await ask("PUT", "/metadata/b", { meta: { b: "3" } })).body, { meta: { b: "3" } });
  assert.equal((await ask("DELETE", "/metadata/a")).status, 204);
  assert.equal((await ask("DELETE", "/metadata/a")).status, 404);
  assert.deepEqual((await ask("GET", "/metadata")).body, { metadata: { b: "3" } });
  assert.deepEqual([(await ask("PUT", "/tags/x")).status, (await ask("PUT", "/tags/x")).status], [201, 204]);
  assert.deepEqual((await ask("PUT", "/tags", { tags: ["y", "z"] })).body, { tags: ["y", "z"] });
  assert.deepEqual([(await ask("GET", "/tags/y")).status, (await ask("GET", "/tags/x")).status], [204, 404]);
  const tagged = await cloud.ask({ path: "/servers?tags=y,z&not-tags=q", version: "2.26" });
  assert.equal((tagged.body as { servers: object[] }).servers.length, 1);
  assert.equal((await ask("DELETE", "/tags")).status, 204);
  await quiet(cloud);
});

test("a network card is given and taken, and the console is read", async () => {
  const cloud = await testCloud();
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");
  const path = `/servers/${id}/os-interface`;

  const asking = cloud.ask({ method: "POST", path, body: {} });
  await cloud.until("the card is there", async () => {
    const { body } = await cloud.ask({ path });
    return (body as { interfaceAttachments: object[] }).interfaceAttachments.length === 2;
  });
  let isAnswered = false;
  void asking.then(() => {
    isAnswered = true;
  });
  await cloud.until("the answer is there", async () => isAnswered);
  const { status, body } = await asking;
  assert.equal(status, 200, JSON.stringify(body));
  const { port_id } = (body as { interfaceAttachment: { port_id: string } }).interfaceAttachment;
  assert.equal((await cloud.ask({ method: "DELETE", path: `${path}/${port_id}` })).status, 202);
  await cloud.until(
    "the card is gone",
    async () => (await cloud.ask({ path: `${path}/${port_id}` })).status === 404,
  );

  const read = await cloud.ask({
    method: "POST",
    path: `/servers/${id}/action`,
    body: { "os-getConsoleOutput": {} },
  });
  assert.match((read.body as { output: string }).output, /login:/);
  await quiet(cloud);
});

test("an address that a port has is refused, and a port removed at the network is no card any more", async () => {
  const cloud = await testCloud();
  const id = await cloud.boot();
  await cloud.reaches(id, "ACTIVE");
  const path = `/servers/${id}/os-interface`;
  const { body } = await cloud.ask({ path });
  const [card] = (body as { interfaceAttachments: { port_id: string; net_id: string }[] })
    .interfaceAttachments;
  const networks = [{ uuid: card!.net_id, fixed_ip: "192.168.233.10" }];
  const server = { name: "web", imageRef: cloud.imageId, flavorRef: "1", networks };

  const taken = await cloud.ask({ method: "POST", path: "/servers", body: { server } });
  await cloud.store.transaction((tx) => ports.remove(tx, card!.port_id));
  const left = await cloud.ask({ path });

  assert.equal(taken.status, 400);
  const text = `Fixed IP address 192.168.233.10 is already in use on instance ${id}.`;
  assert.equal(messageOf(taken.body).message, text);
  assert.deepEqual(left.body, { interfaceAttachments: [] });
  await cloud.stop();
});
