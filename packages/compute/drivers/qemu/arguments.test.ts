// QEMU's command line, and the choices behind it: pure functions over what is known of a server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@micronova/kit";
import type { DomainSpec, PathDisk } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { qemuArguments } from "./arguments.ts";
import { slotCount, volumeDeviceId, volumeName, volumeNode, withoutSlot, withSlot } from "./devices.ts";
import { type Domain, domainStore } from "./domain.ts";

const serverId = "11111111-1111-4111-8111-111111111111";
const files = domainStore("/state,1/servers").files(serverId);
const plain = { accelerator: "tcg", runAs: null, stopped: false, blockDevices: new Set<string>() } as const;

test("every device has its place, so that names stay", () => {
  const volume = aVolume({});
  const domain = aDomain({ volumes: [volume] }, { [volumeDeviceId(volume.volumeId)]: 3 });

  const args = qemuArguments(domain, files, plain);

  const device = objects(args, "-device").find(({ id }) => id === volumeDeviceId(volume.volumeId));
  assert.deepEqual([device?.["bus"], device?.["serial"]], ["port3", volume.volumeId]);
  const node = objects(args, "-blockdev").find((object) => object["node-name"] === device?.["drive"]);
  assert.equal(node?.["driver"], "raw");
  assert.equal(
    objects(args, "-device").filter(({ driver }) => driver === "pcie-root-port").length,
    slotCount,
  );
});

test("a server booted by its kernel leaves the first place to QEMU's loader", () => {
  const image = { imageId: serverId, path: "/image", format: "raw" as const };
  const kernel = { kernelPath: "/kernel", ramdiskPath: null, commandLine: "quiet" };
  const root = (spec: Partial<DomainSpec>) =>
    objects(qemuArguments(aDomain(spec), files, plain), "-device").find(({ id }) => id === "root");

  assert.equal(root({ image })?.["bootindex"], 0);
  assert.equal("bootindex" in root({ image, kernel })!, false);
});

test("commas in paths do not end an argument", () => {
  const args = qemuArguments(aDomain({}), files, plain);

  assert.ok(args.some((arg) => arg.includes("logfile=/state,,1/servers/")));
});

test("guests have no right to start programs, and become another user only when told", () => {
  const args = qemuArguments(aDomain({}), files, plain);
  const asOther = qemuArguments(aDomain({}), files, { ...plain, runAs: "65534:65534" });

  assert.match(args[args.indexOf("-sandbox") + 1] ?? "", /^on,.*spawn=deny/);
  assert.equal(args.includes("-runas"), false);
  assert.equal(asOther[asOther.indexOf("-runas") + 1], "65534:65534");
});

test("a volume is opened as the device or the file that it is", () => {
  const file = (isBlockDevice: boolean) => volumeNode(aVolume({}), isBlockDevice)["file"];

  assert.deepEqual(file(true), { driver: "host_device", filename: "/volume", discard: "unmap" });
  assert.deepEqual(file(false), { driver: "file", filename: "/volume", discard: "unmap" });
});

test("a volume of another host is an NBD client with the host's certificate, which waits for a lost server", () => {
  const { volumeId, device, bootIndex } = aVolume({});
  const at = { address: "10.0.0.7", port: 10_809, exportName: volumeId, tlsName: "h1" };
  const volume = { kind: "nbd" as const, volumeId, device, bootIndex, ...at };
  const domain = aDomain({ volumes: [volume] }, { [volumeDeviceId(volumeId)]: 0 });

  const args = qemuArguments(domain, files, { ...plain, tlsFolder: "/tls,1" });

  const [credentials] = objects(args, "-object");
  const [node] = objects(args, "-blockdev").filter(({ driver }) => driver === "nbd");
  assert.deepEqual([credentials?.["id"], credentials?.["dir"]], [node?.["tls-creds"], "/tls,1"]);
  assert.deepEqual(node?.["server"], { type: "inet", host: "10.0.0.7", port: "10809" });
  assert.deepEqual([node?.["export"], node?.["tls-hostname"]], [volumeId, "h1"]);
  assert.ok(Number(node?.["reconnect-delay"]) > 0);
  assert.equal("tls-creds" in volumeNode({ ...volume, tlsName: null }, false), false);
});

test("a volume gets the first name that neither disks nor volumes have", () => {
  const image = { imageId: serverId, path: "/image", format: "raw" as const };
  const cases: [Partial<DomainSpec>, string][] = [
    [{}, "/dev/vda"],
    [{ image }, "/dev/vdb"],
    [{ image, ephemeralGb: 1, swapMb: 1 }, "/dev/vdd"],
    [{ image, volumes: [aVolume({ device: "/dev/vdb" })] }, "/dev/vdc"],
    [{ image, volumes: [aVolume({ device: "/dev/vdc" })] }, "/dev/vdb"],
  ];
  for (const [parts, name] of cases) assert.equal(volumeName(aSpec(parts), aVolume({})), name);
});

test("slots are used again, and run out with a sentence", () => {
  let slots: Readonly<Record<string, number>> = {};
  for (let count = 0; count < slotCount; count++) slots = withSlot(slots, `device-${count}`, serverId);

  assert.throws(
    () => withSlot(slots, "one-more", serverId),
    (error) => isFault(error, driverErrors.noFreeSlot),
  );
  assert.equal(withSlot(withoutSlot(slots, "device-5"), "one-more", serverId)["one-more"], 5);
  assert.equal(withSlot(slots, "device-5", serverId), slots);
});

function objects(args: readonly string[], option: string): Record<string, unknown>[] {
  return args.flatMap((arg, at) => (args[at - 1] === option ? [JSON.parse(arg)] : []));
}

function aVolume(parts: Partial<PathDisk>): PathDisk {
  const volumeId = "22222222-2222-4222-8222-222222222222";
  return { volumeId, path: "/volume", format: "raw", device: null, bootIndex: null, ...parts };
}

function aSpec(parts: Partial<DomainSpec>): DomainSpec {
  return {
    serverId,
    name: "a-server",
    vcpus: 1,
    memoryMb: 64,
    rootGb: 0,
    ephemeralGb: 0,
    swapMb: 0,
    image: null,
    kernel: null,
    architecture: "x86_64",
    nics: [],
    volumes: [],
    configDrive: null,
    ...parts,
  };
}

function aDomain(parts: Partial<DomainSpec>, slots: Readonly<Record<string, number>> = {}): Domain {
  return { spec: aSpec(parts), hasConfigDrive: false, slots, suspended: false, reboot: null };
}
