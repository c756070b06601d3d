// Images that are what they say, and images that are not.
import assert from "node:assert/strict";
import { mkdtemp, open, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isFault, run } from "@micronova/kit";
import { inspect } from "./inspect.ts";

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "micronova-formats-"));
});
after(() => rm(dir, { recursive: true }));

const hasQemuImg = await run("qemu-img", ["--version"]).then(
  () => false as const,
  () => "qemu-img is not installed",
);

/** A qcow2 header of version 3 as QEMU writes it, with the given fields overwritten. */
function header(change: (bytes: Buffer) => void = () => {}): Buffer {
  const bytes = Buffer.alloc(4 * 65_536);
  bytes.write("QFI\xfb", 0, "latin1");
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(1_073_741_824n, 24);
  bytes.writeUInt32BE(2, 36);
  bytes.writeBigUInt64BE(196_608n, 40);
  bytes.writeBigUInt64BE(65_536n, 48);
  bytes.writeUInt32BE(1, 56);
  bytes.writeUInt32BE(4, 96);
  bytes.writeUInt32BE(104, 100);
  change(bytes);
  return bytes;
}

async function inspected(bytes: Buffer, declared: string): Promise<number> {
  const path = join(dir, "image");
  await writeFile(path, bytes);
  return inspect(path, bytes.length, declared);
}

test("images that are what they are declared to be have their disk's size", async () => {
  assert.equal(await inspected(header(), "qcow2"), 1_073_741_824);
  assert.equal(await inspected(Buffer.alloc(1000), "raw"), 1000);
  assert.equal(await inspected(Buffer.alloc(0), "raw"), 0);
  assert.equal(await inspected(Buffer.from("MZ kernel"), "aki"), 9);
  const iso = Buffer.alloc(0x9000);
  iso.write("CD001", 0x8001);
  assert.equal(await inspected(iso, "iso"), 0x9000);
});

const hostile: readonly (readonly [name: string, declared: string, bytes: Buffer, why: RegExp])[] = [
  ["a backing file", "qcow2", header((b) => b.writeBigUInt64BE(1024n, 8)), /backing file/],
  ["an external data file", "qcow2", header((b) => b.writeBigUInt64BE(4n, 72)), /data is in another file/],
  ["a named data file", "qcow2", header((b) => b.writeUInt32BE(0x44415441, 104)), /names a data file/],
  [
    "unknown features",
    "qcow2",
    header((b) => b.writeBigUInt64BE(1n << 40n, 72)),
    /features that are unknown/,
  ],
  ["the mark of corruption", "qcow2", header((b) => b.writeBigUInt64BE(2n, 72)), /marked as corrupt/],
  ["encryption", "qcow2", header((b) => b.writeUInt32BE(1, 32)), /encrypted/],
  ["an unknown version", "qcow2", header((b) => b.writeUInt32BE(9, 4)), /version 9/],
  ["an odd cluster size", "qcow2", header((b) => b.writeUInt32BE(40, 20)), /cluster size/],
  ["a huge L1 table", "qcow2", header((b) => b.writeUInt32BE(0xffffffff, 36)), /L1 table is too large/],
  ["an L1 table elsewhere", "qcow2", header((b) => b.writeBigUInt64BE(1n << 62n, 40)), /outside the file/],
  ["a header cut short", "qcow2", header().subarray(0, 50), /cut short/],
  ["qcow2 inside raw", "raw", header(), /declared as raw, but its content is qcow2/],
  ["qcow2 inside a kernel", "aki", header(), /declared as aki, but its content is qcow2/],
  ["raw inside qcow2", "qcow2", Buffer.alloc(512), /declared as qcow2, but its content is raw/],
  [
    "vmdk inside raw",
    "raw",
    Buffer.from('# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow"'),
    /content is vmdk/,
  ],
  ["no ISO inside iso", "iso", Buffer.alloc(0x9000), /content is raw/],
  ["a format of others", "vmdk", Buffer.from("KDMV"), /cannot be used here; convert it/],
];

for (const [name, declared, bytes, why] of hostile) {
  test(`an image with ${name} is refused`, async () => {
    await assert.rejects(inspected(bytes, declared), (error) => {
      assert.ok(isFault(error));
      assert.equal(error.status, 400);
      assert.match(error.message, why);
      return true;
    });
  });
}

test("images made by qemu-img pass, those with a backing file do not", { skip: hasQemuImg }, async () => {
  const make = (name: string, ...args: readonly string[]) =>
    run("qemu-img", [
      "create",
      "-q",
      "-f",
      "qcow2",
      ...args.slice(0, -1),
      join(dir, name),
      ...args.slice(-1),
    ]);
  const check = async (name: string) => inspect(join(dir, name), (await stat(join(dir, name))).size, "qcow2");
  const gib = 1024 ** 3;

  await make("plain", "10G");
  assert.equal(await check("plain"), 10 * gib);
  await make("old", "-o", "compat=0.10", "1G");
  assert.equal(await check("old"), gib);
  await make("rich", "-o", "compression_type=zstd,extended_l2=on,cluster_size=128k,lazy_refcounts=on", "1G");
  assert.equal(await check("rich"), gib);
  await make("child", "-b", join(dir, "plain"), "-F", "qcow2", "1G");
  await assert.rejects(check("child"), /backing file/);
  await make("split", "-o", `data_file=${join(dir, "data")}`, "1M");
  await assert.rejects(check("split"), /another file/);
});

test("an image is inspected by its head, whatever its size", async () => {
  const path = join(dir, "large");
  const file = await open(path, "w");
  await file.write(header());
  await file.truncate(2 ** 40);
  await file.close();

  assert.equal(await inspect(path, 2 ** 40, "qcow2"), 1_073_741_824);
});
