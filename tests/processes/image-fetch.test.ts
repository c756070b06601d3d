// Hosts that do not share the APIs' directory fetch images: once for all who want them, again where it broke
// off, and never anything but the image's own bytes.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ImageBytes, imageErrors } from "@micronova/image";
import { imageCache } from "@micronova/image/host";
import { isFault, metricsRegistry, silentLog, systemClock, systemRandom } from "@micronova/kit";
import { bootServer, serverIs, smallImage, volumeIs } from "../support/demo-work.ts";
import { freePort } from "../support/free-port.ts";
import { eventually } from "../support/running-cloud.ts";
import { roleCloud } from "../support/running-roles.ts";

// Nobody waits between attempts here.
const clock = { ...systemClock, sleep: async () => {} };
const platform = { clock, random: systemRandom, log: silentLog, metrics: metricsRegistry() };
const content = randomBytes(3_000_000);

function image(over: Partial<ImageBytes> = {}): ImageBytes {
  const imageId = systemRandom.uuid();
  const hash = createHash("sha512").update(content).digest("hex");
  return {
    imageId,
    path: "/nowhere",
    size: content.length,
    hash,
    address: `/image/data/${imageId}`,
    ...over,
  };
}

type Answering = (request: IncomingMessage, response: ServerResponse, start: number) => void;

const whole: Answering = (_request, response, start) => {
  response.writeHead(start === 0 ? 200 : 206).end(content.subarray(start));
};

async function withServer(
  answering: Answering,
  act: (given: {
    readonly dir: string;
    readonly starts: readonly number[];
    readonly cache: (bytesMax?: number) => ReturnType<typeof imageCache>;
  }) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "image-cache-"));
  const starts: number[] = [];
  const server = createServer((request, response) => {
    const [, first = "0"] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    starts.push(Number(first));
    answering(request, response, Number(first));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const cache = (bytesMax = 10 ** 9) => imageCache({ platform, dir, origin, bytesMax });
    await act({ dir, starts, cache });
  } finally {
    server.close();
    server.closeAllConnections();
    rmSync(dir, { recursive: true });
  }
}

test("twenty who want an image at once wait for one fetch, and the next ones for none", async () => {
  await withServer(whole, async ({ starts, cache }) => {
    const wanted = image();
    const images = cache();

    const paths = await Promise.all(Array.from({ length: 20 }, () => images.file(wanted)));
    await cache().file(wanted);

    assert.equal(new Set(paths).size, 1);
    assert.ok(readFileSync(paths[0]!).equals(content));
    assert.deepEqual(starts, [0]);
  });
});

test("a fetch that breaks off goes on where it stopped", async () => {
  let breaks = 2;
  const breaking: Answering = (request, response, start) => {
    if (breaks-- <= 0) return whole(request, response, start);
    response.writeHead(start === 0 ? 200 : 206);
    response.write(content.subarray(start, start + 1_000_000), () => response.destroy());
  };
  await withServer(breaking, async ({ starts, cache }) => {
    const path = await cache().file(image());

    assert.ok(readFileSync(path).equals(content));
    const [first, ...later] = starts;
    assert.equal(first, 0);
    assert.ok(later.length === 2 && later[0]! > 500_000 && later[1]! > later[0]!, `${starts}`);
  });
});

test("other bytes than the image's are not kept, and not tried for ever", async () => {
  const wrong: Answering = (_request, response, start) => {
    response.writeHead(start === 0 ? 200 : 206).end(Buffer.alloc(content.length - start));
  };
  await withServer(wrong, async ({ dir, cache }) => {
    await assert.rejects(cache().file(image()), (error) => isFault(error, imageErrors.bytesDamaged));

    assert.deepEqual(readdirSync(dir), []);
  });
});

test("an address that is refused is not asked again", async () => {
  const refusing: Answering = (_request, response) => void response.writeHead(403).end();
  await withServer(refusing, async ({ starts, cache }) => {
    await assert.rejects(cache().file(image()), (error) => isFault(error, imageErrors.bytesRefused));

    assert.deepEqual(starts, [0]);
  });
});

test("what was not used for longest makes room, kernels stay", async () => {
  await withServer(whole, async ({ dir, cache }) => {
    const kernel = image();
    const [old, fresh] = [image(), image()];
    await cache().bootFile(kernel);
    await cache().file(old);

    // Another process of the host: nobody was told of the old one's path lately.
    await cache(content.length).file(fresh);

    assert.deepEqual(readdirSync(dir).toSorted(), [`${kernel.imageId}.boot`, fresh.imageId].toSorted());
  });
});

test("hosts without the APIs' directory boot servers and make volumes of its images", {
  skip: process.getuid?.() === 0 ? false : "only root can hide a directory",
}, async () => {
  const [busPort, port] = [await freePort(), await freePort()];
  const lines = [
    `public_url = "http://127.0.0.1:${port}"`,
    `[bus]\nurls = ["amqp://127.0.0.1:${busPort}"]\nlisten = "127.0.0.1:${busPort}"`,
    '[virt]\ndriver = "fake"\nfake_hosts = 3',
    '[volume]\ndriver = "file"',
  ];
  const cloud = roleCloud(`${lines.join("\n")}\n`);
  try {
    const role = "api,conductor,scheduler,broker";
    const controller = await cloud.start({ role, host: "c1", args: ["--port", String(port)] });
    const hidden = join(controller.dataDir, "images");
    mkdirSync(hidden, { recursive: true });
    const compute = await cloud.start({ role: "compute,network", host: "h1", hidden });
    const volumes = await cloud.start({ role: "volume", host: "v1", hidden });
    for (const one of cloud.processes) await one.ready();
    const client = await cloud.client(controller);
    const imageRef = await smallImage(client);
    await eventually(
      () => client.call("compute", "/os-hypervisors"),
      ({ hypervisors }) => hypervisors.length === 3,
    );
    await eventually(
      () => client.call("volumev3", "/os-services"),
      ({ services }) => services.length === 1,
    );

    const servers = ["one", "two", "three"].map((name) => bootServer(client, { name, imageRef }));
    for (const id of await Promise.all(servers)) await serverIs(client, id, "ACTIVE");
    const body = { volume: { size: 1, imageRef } };
    const { volume } = await client.call("volumev3", "/volumes", { method: "POST", body });
    await volumeIs(client, volume.id, "available");

    const original = readFileSync(join(controller.dataDir, "images", imageRef));
    for (const { dataDir, role: worker } of [compute, volumes]) {
      const kept = join(dataDir, "image-cache", worker.split(",")[0]!, imageRef);
      assert.ok(existsSync(kept) && readFileSync(kept).equals(original), worker);
    }
  } finally {
    await cloud.stop();
  }
});
