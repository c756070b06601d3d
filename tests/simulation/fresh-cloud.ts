// The tables of a fresh cloud with one image in it, made once: every simulation begins with a copy.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { cloudMigrations, seedCloud } from "@micronova/cloud";
import { imageFiles, images, uploadImage } from "@micronova/image";
import { systemContext } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import { sharedStore } from "@micronova/store/testing";

export interface FreshCloud {
  readonly contents: Uint8Array;
  readonly imageId: string;
  readonly privateNetworkId: string;
}

let made: Promise<FreshCloud> | null = null;

export function freshCloud(): Promise<FreshCloud> {
  made ??= make();
  return made;
}

async function make(): Promise<FreshCloud> {
  const platform = testPlatform("fresh cloud");
  const opened = sharedStore(platform, cloudMigrations);
  const { store } = opened;
  await store.migrate();
  const secrets = { adminPassword: "simulated", demoPassword: "simulated", cloudId: "00000001" };
  await seedCloud(store, { region: "RegionOne", secrets, host: "c1", cidr: "10.20.0.0/16" });
  const imageId = platform.random.uuid();
  const context = { ...systemContext(platform.random.uuid()), projectId: "0".repeat(32) };
  const formats = { disk_format: "raw", container_format: "bare" };
  await store.transaction((tx) =>
    images.create(tx, context, { id: imageId, name: "tiny", visibility: "public", ...formats }),
  );
  const dir = mkdtempSync(join(tmpdir(), "micronova-simulation-"));
  const bytes = Buffer.alloc(512);
  const upload = { id: imageId, stream: Readable.from([bytes]), size: bytes.length };
  await uploadImage({ platform, store, files: imageFiles({ dir }) }, context, upload);
  rmSync(dir, { recursive: true });
  const network = await store.read
    .selectFrom("networks")
    .select("id")
    .where("name", "=", "private")
    .executeTakeFirstOrThrow();
  const contents = opened.contents();
  await store.close();
  return { contents, imageId, privateNetworkId: network.id };
}
