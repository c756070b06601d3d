// Debian's `openstack` client, unchanged, against a cloud on the fake driver: every command the issue of the
// first slice names, as a real subprocess. What it prints as JSON is what is looked at.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type RunningCloud, startCloud } from "../support/running-cloud.ts";

const isMissing = existsSync("/usr/bin/openstack")
  ? false
  : "the package python3-openstackclient is not installed";
let cloud: RunningCloud;

before(async () => {
  if (!isMissing) cloud = await startCloud({ virt: "fake", fakeHosts: 3 });
});
after(async () => {
  if (!isMissing) await cloud.destroy();
});

/** Runs a command that must succeed. */
async function run(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await cloud.openstack(args);
  assert.equal(status, 0, `openstack ${args.join(" ")}: ${stderr}`);
  return stdout;
}
// biome-ignore lint/suspicious/noExplicitAny: the client's JSON, of any shape.
const json = async (...args: string[]): Promise<any> => JSON.parse(await run(...args, "-f", "json"));

/** Runs a command that must fail; returns what it said. */
async function refused(...args: string[]): Promise<string> {
  const { status, stderr } = await cloud.openstack(args);
  assert.notEqual(status, 0, `openstack ${args.join(" ")} should fail`);
  return stderr;
}

const scratch = (name: string, text: string | Uint8Array) => {
  const path = join(cloud.dataDir, name);
  writeFileSync(path, text);
  return path;
};

test("identity: token, catalog, projects, users and roles", { skip: isMissing }, async () => {
  const token = await json("token", "issue");
  assert.ok(token.id.length > 20);

  const types = (await json("catalog", "list")).map((entry: { Type: string }) => entry.Type);
  for (const type of ["identity", "compute", "image", "network", "volumev3", "placement"]) {
    assert.ok(types.includes(type), `the catalog has ${type}`);
  }

  const projects = (await json("project", "list")).map((project: { Name: string }) => project.Name);
  assert.deepEqual(projects.sort(), ["admin", "demo"]);

  const user = await json("user", "create", "--password", "s3cret-s3cret", "--email", "a@example.org", "ann");
  assert.equal(user.name, "ann");
  await run("role", "add", "--user", "ann", "--project", "demo", "member");
  const assignments = await json("role", "assignment", "list", "--user", "ann", "--names");
  assert.equal(assignments[0].Role, "member");

  // Without an entry of clouds.yaml: what the client finds there wins over some of its options.
  const authUrl = (await json("configuration", "show"))["auth.auth_url"];
  const issued = await cloud.openstack([
    ...["--os-cloud=", "--os-auth-url", authUrl, "--os-username", "ann", "--os-password", "s3cret-s3cret"],
    ...["--os-user-domain-id", "default", "--os-project-domain-id", "default"],
    ...["--os-project-name", "demo", "token", "issue", "-f", "json"],
  ]);
  assert.equal(issued.status, 0, issued.stderr);
  assert.match(await refused("--os-password", "wrong", "token", "issue"), /requires authentication/);
});

test("image: raw, qcow2, kernel and ramdisk; what goes in comes out", { skip: isMissing }, async () => {
  const bytes = Buffer.alloc(1_000_000, 7);
  const path = scratch("disk.raw", bytes);

  await run("image", "create", "--file", path, "--disk-format", "raw", "--public", "tiny");
  const shown = await json("image", "show", "tiny");
  assert.equal(shown.status, "active");
  assert.equal(shown.size, bytes.length);
  assert.equal(shown.properties.os_hash_algo, "sha512");
  await run("image", "save", "--file", join(cloud.dataDir, "saved.raw"), "tiny");
  assert.ok(readFileSync(join(cloud.dataDir, "saved.raw")).equals(bytes));

  const kernel = await json(
    "image",
    "create",
    "--file",
    path,
    "--disk-format",
    "aki",
    "--container-format",
    "aki",
    "vmlinuz",
  );
  const ramdisk = await json(
    "image",
    "create",
    "--file",
    path,
    "--disk-format",
    "ari",
    "--container-format",
    "ari",
    "initrd",
  );
  await run(
    ...["image", "create", "--file", path, "--disk-format", "ami", "--container-format", "ami"],
    ...["--property", `kernel_id=${kernel.id}`, "--property", `ramdisk_id=${ramdisk.id}`, "direct"],
  );
  const names = (await json("image", "list")).map((image: { Name: string }) => image.Name);
  assert.deepEqual(names.sort(), ["direct", "initrd", "tiny", "vmlinuz"]);

  const hostile = Buffer.alloc(65_536);
  hostile.write("QFI\xfb", 0, "latin1");
  hostile.writeUInt32BE(3, 4);
  hostile.writeBigUInt64BE(104n, 8);
  hostile.writeUInt32BE(11, 16);
  hostile.writeUInt32BE(16, 20);
  hostile.writeBigUInt64BE(1_048_576n, 24);
  hostile.writeUInt32BE(104, 100);
  hostile.write("/etc/passwd", 104);
  await refused(
    "image",
    "create",
    "--file",
    scratch("evil.qcow2", hostile),
    "--disk-format",
    "qcow2",
    "evil",
  );

  await run("image", "delete", "direct", "vmlinuz", "initrd");
});

test("flavors, key pairs, networks, hosts and services", { skip: isMissing }, async () => {
  await run("flavor", "create", "--vcpus", "1", "--ram", "256", "--disk", "1", "small");
  const flavors = (await json("flavor", "list")).map((flavor: { Name: string }) => flavor.Name);
  for (const name of ["m1.tiny", "m1.small", "m1.medium", "m1.large", "m1.xlarge", "small"])
    assert.ok(flavors.includes(name));

  const key = scratch(
    "key.pub",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4oVHjMqS4cVTJfGpsJ0WTUTWQKVTZHYbUT0HWsPnDA me\n",
  );
  const keypair = await json("keypair", "create", "--public-key", key, "mine");
  assert.match(keypair.fingerprint, /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);

  const networks = (await json("network", "list")).map((network: { Name: string }) => network.Name);
  assert.ok(networks.includes("private"));
  assert.equal((await json("hypervisor", "list")).length, 3);
  const statistics = await json("hypervisor", "stats", "show");
  assert.equal(statistics.count, 3);
  const services = await json("compute", "service", "list");
  const up = services.filter((service: { State: string }) => service.State === "up");
  assert.equal(up.length, services.length);
  for (const binary of ["nova-conductor", "nova-scheduler", "nova-compute"]) {
    assert.ok(
      services.some((service: { Binary: string }) => service.Binary === binary),
      `there is a ${binary}`,
    );
  }
});

test("a server's life, with its options", { skip: isMissing }, async () => {
  const userData = scratch("user-data", "#!/bin/sh\necho hello\n");

  const server = await json(
    ...["server", "create", "--wait", "--image", "tiny", "--flavor", "small", "--network", "private"],
    ...["--key-name", "mine", "--user-data", userData, "--config-drive", "True", "--property", "team=blue"],
    ...["--availability-zone", "nova", "web"],
  );
  assert.equal(server.status, "ACTIVE");
  assert.equal(server.properties.team ?? server.properties, "blue");
  assert.equal(server.config_drive, "True");
  assert.equal(server.key_name, "mine");

  const listed = await json("server", "list");
  assert.equal(listed[0].Name, "web");
  assert.equal(listed[0].Status, "ACTIVE");
  assert.match(JSON.stringify(listed[0].Networks), /private.*\d+\.\d+\.\d+\.\d+/);
  assert.equal(listed[0].Image, "tiny");

  const becomes = async (status: string) => {
    for (;;) {
      const now = (await json("server", "show", "web")).status;
      if (now === status) return;
      assert.notEqual(now, "ERROR");
    }
  };
  await run("server", "stop", "web");
  await becomes("SHUTOFF");
  await run("server", "start", "web");
  await becomes("ACTIVE");
  await run("server", "reboot", "--hard", "--wait", "web");
  await run("server", "reboot", "--soft", "--wait", "web");
  await becomes("ACTIVE");
  assert.ok((await run("console", "log", "show", "web")).length > 0);

  const events = await json("server", "event", "list", "web");
  const actions = events.map((event: { Action: string }) => event.Action);
  assert.deepEqual([...actions].sort(), ["create", "reboot", "reboot", "start", "stop"]);
  const create = events.find((event: { Action: string }) => event.Action === "create");
  const event = await json("server", "event", "show", "web", create["Request ID"]);
  assert.ok(JSON.stringify(event.events).includes("Success"));
});

test("a volume is attached, detached, and cannot be deleted while it is in use", {
  skip: isMissing,
}, async () => {
  await run("volume", "create", "--size", "1", "data");
  await until(async () => (await json("volume", "show", "data")).status, "available");
  assert.equal((await json("volume", "list"))[0].Name, "data");

  await run("server", "add", "volume", "web", "data");
  await until(async () => (await json("volume", "show", "data")).status, "in-use");
  assert.match(await refused("volume", "delete", "data"), /HTTP 400|Invalid volume/);
  await run("server", "remove", "volume", "web", "data");
  await until(async () => (await json("volume", "show", "data")).status, "available");

  await run("volume", "delete", "data");
  await until(async () => (await json("volume", "list")).length, 0);
  await run("server", "delete", "--wait", "web");
  assert.deepEqual(await json("server", "list"), []);
});

test("bad input is refused in the service's own words", { skip: isMissing }, async () => {
  const create = (...options: string[]) => refused("server", "create", ...options, "bad");
  const nobody = "11111111-2222-3333-4444-555555555555";

  assert.match(await create("--image", nobody, "--flavor", "small", "--network", "private"), /11111111/);
  assert.match(
    await create("--image", "tiny", "--flavor", nobody, "--network", "private"),
    /11111111|No flavor/,
  );
  assert.match(await create("--image", "tiny", "--flavor", "small", "--network", nobody), /11111111/);
  assert.deepEqual(await json("server", "list"), []);

  await run("quota", "set", "--cores", "-1", "--ram", "-1", "admin");
  await run("flavor", "create", "--vcpus", "999", "--ram", "99999999", "--disk", "1", "huge");
  // The client says so, and yet ends with status 0.
  const { stderr } = await cloud.openstack([
    ...["server", "create", "--wait", "--image", "tiny", "--flavor", "huge", "--network", "private", "huge"],
  ]);
  assert.match(stderr, /Error creating server/);
  const server = await json("server", "show", "huge");
  assert.equal(server.status, "ERROR");
  assert.match(server.fault.message, /^No valid host was found\. 3 hosts: 3 .*/);
  await run("server", "delete", "--wait", "huge");
});

test("groups, cards and usage are found as the client looks for them", { skip: isMissing }, async () => {
  await run("security", "group", "create", "inner");
  await run(
    ...["server", "create", "--wait", "--image", "tiny", "--flavor", "small", "--network", "private"],
    ...["--security-group", "inner", "near"],
  );
  await run("server", "add", "security", "group", "near", "default");
  const { security_groups } = await json("server", "show", "near");
  assert.deepEqual(
    security_groups.map((group: { name: string }) => group.name),
    ["inner", "default"],
  );
  assert.match(await refused("console", "url", "show", "near"), /Unavailable console type novnc/);
  assert.equal((await json("usage", "list")).length, 1);
  await run("server", "delete", "--wait", "near");
});

test("one project does not see another's servers", { skip: isMissing }, async () => {
  await run(
    "server",
    "create",
    "--wait",
    "--image",
    "tiny",
    "--flavor",
    "small",
    "--network",
    "private",
    "secret",
  );
  const { id } = await json("server", "show", "secret");

  const other = await cloud.openstack(["server", "show", id], "micronova");
  assert.notEqual(other.status, 0);
  assert.match(other.stderr, /No server with a name or ID|could not be found|Not Found/);
  const list = await cloud.openstack(["server", "list", "-f", "json"], "micronova");
  assert.deepEqual(JSON.parse(list.stdout), []);
  await run("server", "delete", "--wait", "secret");
});

/** Asks again until the answer is the wanted one. */
async function until<T>(get: () => Promise<T>, wanted: T): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) if ((await get()) === wanted) return;
  assert.equal(await get(), wanted);
}
