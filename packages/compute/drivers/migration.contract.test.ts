// What every driver that moves servers must do: between two hosts and on one, each call once, twice, and by a
// driver that was started anew in between. QEMU's hosts speak TLS with certificates of one authority.
import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isFault, type Platform, processErrors, run, systemClock, systemRandom } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import type { DomainSpec, MigrationDriver, Nic, VirtDriver } from "./driver.ts";
import { fakeDriver } from "./fake.ts";
import { qemuDriver } from "./qemu/driver.ts";

const platform: Platform = { ...testPlatform(), clock: systemClock, random: systemRandom };
const megabyte = 1024 ** 2;
const word = "what the guest wrote";

interface Kind {
  readonly name: string;
  readonly hasDisks: boolean;
  make(folder: string, host: string): VirtDriver;
}

let folder: string;
const kinds: readonly Kind[] = [
  {
    name: "fake",
    hasDisks: false,
    make: (at) => fakeDriver({ platform, path: join(at, "guests.json") }),
  },
  {
    name: "qemu",
    hasDisks: true,
    make: (stateDir, host) =>
      qemuDriver({
        platform,
        stateDir,
        accelerator: "tcg",
        moves: { host, address: async () => "127.0.0.1", firstPort: 21_900, isInsecure: false },
        certificate: async () => ({
          ca: join(folder, "ca.pem"),
          cert: join(folder, `${host}.pem`),
          key: join(folder, `${host}.key`),
        }),
      }),
  },
];

const why = await whyNoQemu();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "micronova-moves-"));
  await chmod(folder, 0o755);
  if (why === false) await makeCertificates(folder, ["one", "two"]);
});
after(() => rm(folder, { recursive: true }));

for (const kind of kinds)
  describe(`moves by the ${kind.name} driver`, { skip: kind.name === "qemu" && why }, () => contract(kind));

function contract(kind: Kind): void {
  let one: VirtDriver;
  let two: VirtDriver;
  const started = async (host: string) => {
    const driver = kind.make(join(folder, `${kind.name}-${host}`), host);
    await driver.start();
    return driver;
  };
  const spawned = async (parts: Partial<DomainSpec> = {}) => {
    const spec = await aSpec(parts);
    await one.spawn(spec);
    return spec;
  };
  const crash = async () => {
    await Promise.all([one.stop(), two.stop()]);
    [one, two] = [await started("one"), await started("two")];
  };
  const power = async (driver: VirtDriver, id: string) => (await driver.info(id))?.power ?? null;
  /** What the disk begins with. */
  const rootDisk = async (host: string, id: string, place = "servers") => {
    const path = join(folder, `${kind.name}-${host}`, place, id, "disk.qcow2");
    const raw = join(folder, `${id}.raw`);
    await run("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", path, raw]);
    const bytes = await readFile(raw);
    await rm(raw);
    return { bytes, text: bytes.subarray(0, word.length).toString() };
  };
  const sent = async (spec: DomainSpec, copy: string, grow: Partial<DomainSpec> = {}, on = true) => {
    const [from, to] = [moving(one), moving(two)];
    const target = await to.receive(spec.serverId, { from: "one", disks: await from.disks(spec.serverId) });
    await from.leave(spec.serverId, copy, { graceMs: 0 });
    if (target !== null) await from.send(spec.serverId, copy, target);
    return to.arrive({ ...spec, ...grow }, on);
  };

  before(async () => {
    [one, two] = [await started("one"), await started("two")];
  });
  after(async () => {
    for (const driver of [one, two]) {
      for (const { serverId } of [...(await driver.list()), ...(await moving(driver).copies())])
        await driver.destroy(serverId);
      await driver.stop();
    }
  });

  test("a server goes to another host with what is on its disk, and grows there", async () => {
    const spec = await spawned();
    const copy = platform.random.uuid();

    const info = await sent(spec, copy, { rootGb: 1, memoryMb: 96 });

    assert.equal(info.power, "running");
    assert.equal(await one.info(spec.serverId), null);
    assert.deepEqual(await copiesOf(one, spec), [{ serverId: spec.serverId, copy }]);
    assert.deepEqual(await copiesOf(two, spec), []);
    if (kind.hasDisks) {
      await two.power(spec.serverId, false);
      const { bytes, text } = await rootDisk("two", spec.serverId);
      assert.equal(text, word);
      assert.equal(bytes.length, 1024 ** 3);
    }
    await moving(one).forget(spec.serverId, copy);
    await moving(one).forget(spec.serverId, copy);
    assert.deepEqual(await copiesOf(one, spec), []);
  });

  test("each call may come twice, and to a driver that was started anew", async () => {
    const spec = await spawned();
    const copy = platform.random.uuid();
    const disks = await moving(one).disks(spec.serverId);

    await moving(two).receive(spec.serverId, { from: "one", disks });
    await crash();
    const target = await moving(two).receive(spec.serverId, { from: "one", disks });
    await moving(one).leave(spec.serverId, copy, { graceMs: 0 });
    await crash();
    await moving(one).leave(spec.serverId, copy, { graceMs: 0 });
    for (let time = 0; time < 2; time++)
      if (target !== null) await moving(one).send(spec.serverId, copy, target);
    await moving(two).arrive(spec, false);
    await crash();
    await moving(two).arrive(spec, false);

    assert.equal(await power(two, spec.serverId), "shutdown");
    if (kind.hasDisks) assert.equal((await rootDisk("two", spec.serverId)).text, word);
  });

  test("what was put aside comes back with the cards of now, and runs if it shall", async () => {
    const spec = await spawned({ nics: [aNic()] });
    const copy = platform.random.uuid();
    await sent(spec, copy);
    const nics = [aNic()];

    await moving(two).drop(spec.serverId);
    await moving(two).drop(spec.serverId);
    await moving(one).comeBack(spec.serverId, copy, { on: true, nics, volumes: [] });
    await crash();
    const info = await moving(one).comeBack(spec.serverId, copy, { on: true, nics, volumes: [] });

    assert.deepEqual([info.power, info.ports], ["running", [nics[0]!.portId]]);
    assert.equal(await two.info(spec.serverId), null);
    assert.deepEqual(await copiesOf(one, spec), []);
  });

  test("a host can be both ends, and a drop there leaves the copy alone", async () => {
    const spec = await spawned();
    const copy = platform.random.uuid();
    const here = moving(one);
    const target = await here.receive(spec.serverId, { from: "one", disks: await here.disks(spec.serverId) });
    await here.leave(spec.serverId, copy, { graceMs: 0 });
    if (target !== null) await here.send(spec.serverId, copy, target);
    await here.arrive({ ...spec, memoryMb: 96 }, true);

    await here.drop(spec.serverId);
    const info = await here.comeBack(spec.serverId, copy, { on: false, nics: [], volumes: [] });

    assert.equal(info.power, "shutdown");
  });

  test("disks that are not wanted after all are gone, and so is who took them in", async () => {
    const spec = await spawned();
    const disks = await moving(one).disks(spec.serverId);
    await moving(two).receive(spec.serverId, { from: "one", disks });

    await moving(two).unreceive(spec.serverId);
    await moving(two).unreceive(spec.serverId);

    assert.deepEqual(await copiesOf(two, spec), []);
    assert.equal(await power(one, spec.serverId), "running");
  });

  test("a server that is destroyed leaves no copies", async () => {
    const spec = await spawned();
    await sent(spec, platform.random.uuid());

    await one.destroy(spec.serverId);
    await two.destroy(spec.serverId);

    for (const driver of [one, two]) assert.deepEqual(await copiesOf(driver, spec), []);
  });
}

test("disks are taken from hosts of the cloud only", { skip: why }, async () => {
  const two = kinds[1]!.make(join(folder, "qemu-two"), "two");
  await two.start();
  const serverId = platform.random.uuid();
  const target = await moving(two).receive(serverId, {
    from: "one",
    disks: [{ name: "root", bytes: megabyte }],
  });
  const place = `driver=nbd,server.type=inet,server.host=${target!.address},server.port=${target!.port}`;

  await assert.rejects(run("qemu-img", ["info", "--image-opts", `${place},export=root`]), /TLS/);

  await moving(two).unreceive(serverId);
  await two.stop();
});

function moving({ migration }: VirtDriver): MigrationDriver {
  assert(migration !== null);
  return migration;
}

async function copiesOf(driver: VirtDriver, spec: DomainSpec) {
  return (await moving(driver).copies()).filter(({ serverId }) => serverId === spec.serverId);
}

async function aSpec(parts: Partial<DomainSpec>): Promise<DomainSpec> {
  const serverId = platform.random.uuid();
  const path = join(folder, `${serverId}.image`);
  const bytes = Buffer.alloc(2 * megabyte);
  bytes.write(word);
  await writeFile(path, bytes);
  return {
    serverId,
    name: "a-server",
    vcpus: 1,
    memoryMb: 64,
    rootGb: 0,
    ephemeralGb: 0,
    swapMb: 0,
    image: { imageId: serverId, path, format: "raw" },
    kernel: null,
    architecture: "x86_64",
    nics: [],
    volumes: [],
    configDrive: null,
    ...parts,
  };
}

function aNic(): Nic {
  return {
    portId: platform.random.uuid(),
    macAddress: "52:54:00:12:34:56",
    mtu: 1500,
    plug: { kind: "none" },
  };
}

async function makeCertificates(into: string, hosts: readonly string[]): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const at = (name: string) => join(into, name);
  const self = ["req", "-x509", ...key, "-days", "2", "-subj", "/CN=ca", "-keyout", at("ca.key")];
  const isAuthority = [
    "-addext",
    "basicConstraints=critical,CA:TRUE",
    "-addext",
    "keyUsage=critical,keyCertSign",
  ];
  await run("openssl", [...self, ...isAuthority, "-out", at("ca.pem")]);
  for (const host of hosts) {
    const usage = "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n";
    await writeFile(at(`${host}.ext`), `${usage}subjectAltName=DNS:${host}\n`);
    const files = ["-keyout", at(`${host}.key`), "-out", at(`${host}.csr`)];
    await run("openssl", ["req", ...key, "-subj", `/CN=${host}`, ...files]);
    const signer = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2"];
    const wanted = ["-in", at(`${host}.csr`), "-extfile", at(`${host}.ext`), "-out", at(`${host}.pem`)];
    await run("openssl", ["x509", "-req", ...wanted, ...signer]);
  }
}

async function whyNoQemu(): Promise<string | false> {
  try {
    await run("qemu-system-x86_64", ["-version"]);
    return false;
  } catch (error) {
    if (isFault(error, processErrors.notFound)) return "QEMU is not installed";
    throw error;
  }
}
