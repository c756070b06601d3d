// How fast an image is uploaded and fetched over a socket, and how much memory that takes: `node bench/image-
// upload.ts [MiB]`. The client is another process, so that only the server's memory is counted.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { listen } from "@micronova/http";
import { testAuthenticator, testContext } from "@micronova/http/testing";
import { imageFiles, imageMigrations, imageService, images } from "@micronova/image";
import { metricsRegistry, silentLog, systemClock, systemRandom } from "@micronova/kit";
import { sqliteStore } from "@micronova/store";

// What streaming may take beside what the server has anyway.
const grownMiBMax = 150;
const mib = 1024 * 1024;

const [, , sizeText = "200", url] = process.argv;
if (url === undefined) await serve(Number(sizeText));
else await ask(Number(sizeText), url);

async function serve(sizeMiB: number): Promise<void> {
  const platform = { clock: systemClock, random: systemRandom, log: silentLog, metrics: metricsRegistry() };
  const dir = await mkdtemp(join(tmpdir(), "micronova-bench-"));
  const store = sqliteStore(platform, {
    path: ":memory:",
    durability: "process",
    migrations: imageMigrations,
  });
  await store.migrate();
  const files = imageFiles({ dir });
  const image = imageService({ platform, store, files, authenticator: testAuthenticator() });
  const server = listen(platform, { host: "127.0.0.1", port: 0, services: { "/image": image } });
  await server.start();
  const wanted = { disk_format: "raw", container_format: "bare" };
  const { id } = await store.transaction((tx) => images.create(tx, testContext(), wanted));
  const before = process.memoryUsage.rss();
  const address = `http://127.0.0.1:${server.port}/image/v2/images/${id}/file`;
  const client = spawn(process.execPath, [import.meta.filename, String(sizeMiB), address], {
    stdio: "inherit",
  });
  const ended = new Promise((resolve) => client.on("close", resolve));
  let peak = before;
  const watching = new AbortController();
  const watch = (async () => {
    while (!watching.signal.aborted) {
      peak = Math.max(peak, process.memoryUsage.rss());
      await systemClock.sleep(20);
    }
  })();
  await ended;
  watching.abort();
  await watch;
  const grown = Math.round((peak - before) / mib);
  process.stdout.write(`memory grew by ${grown} MiB at most (${grownMiBMax} allowed)\n`);
  if (grown > grownMiBMax) process.exitCode = 1;
  await server.stop();
  await store.close();
  await rm(dir, { recursive: true });
}

async function ask(sizeMiB: number, address: string): Promise<void> {
  const chunk = Buffer.alloc(mib, 7);
  const headers = { "x-auth-token": "member", "content-type": "application/octet-stream" };
  await timed("upload", sizeMiB, async () => {
    const sent = request(address, { method: "PUT", headers });
    const answered = new Promise<number>((resolve, reject) => {
      sent.on("response", (answer) => resolve(answer.resume().statusCode ?? 0)).on("error", reject);
    });
    const chunks = (function* () {
      for (let count = 0; count < sizeMiB; count++) yield chunk;
    })();
    await pipeline(chunks, sent);
    const status = await answered;
    if (status !== 204) throw new Error(`The upload was answered ${status}.`);
  });
  await timed("download", sizeMiB, async () => {
    const answer = await fetch(address, { headers });
    for await (const _ of answer.body ?? []);
  });
}

async function timed(name: string, sizeMiB: number, work: () => Promise<void>): Promise<void> {
  const start = systemClock.monotonic();
  await work();
  const seconds = (systemClock.monotonic() - start) / 1000;
  process.stdout.write(
    `${name} of ${sizeMiB} MiB: ${seconds.toFixed(2)} s, ${Math.round(sizeMiB / seconds)} MiB/s\n`,
  );
}
