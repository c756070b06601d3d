// That a volume reaches another host over NBD with TLS, and that host alone: who is refused, who is cut off,
// and that neither the worker's end nor the export's loses a byte.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isFault, type Platform, run, systemClock, systemRandom } from "@micronova/kit";
import { testPlatform } from "@micronova/kit/testing";
import {
  type CertificateFiles,
  hostCertificate,
  issueCertificate,
  makeAuthority,
} from "../../packages/cloud/authority.ts";
import { guestUser } from "../../packages/compute/drivers/qemu/user.ts";
import type {
  Initiator,
  LocalVolumeDriver,
  NbdConnection,
  VolumeDriver,
} from "../../packages/volume/drivers/driver.ts";
import { volumeDriverErrors } from "../../packages/volume/drivers/errors.ts";
import { fileVolumeDriver } from "../../packages/volume/drivers/file.ts";
import { lvmVolumeDriver } from "../../packages/volume/drivers/lvm/driver.ts";
import { lvmUnavailable } from "../../packages/volume/drivers/lvm/probe.ts";
import { type ReachableOptions, reachable } from "../../packages/volume/drivers/nbd/reachable.ts";
import { exportDaemons } from "../support/export-daemons.ts";
import { freePort } from "../support/free-port.ts";
import { NbdClient, onceOver } from "../support/nbd-client.ts";

const platform: Platform = { ...testPlatform(), clock: systemClock };
const volumeId = "11111111-2222-4333-8444-555555555555";
const home = "storage-1";
const guestHost = { host: "compute-1" };
const otherHost = { host: "compute-2" };

interface Stage {
  readonly dir: string;
  readonly driver: VolumeDriver;
  /** The worker that comes after the one before, which is not told. */
  next(options?: Partial<ReachableOptions>): VolumeDriver;
  certificateOf(host: Initiator): Promise<CertificateFiles>;
  /** A client on that host. */
  client(connection: NbdConnection, host: Initiator, reconnectSeconds?: number): Promise<NbdClient>;
  once(connection: NbdConnection, certificate: CertificateFiles | null, command: string): Promise<string>;
}

type Make = (dir: string) => LocalVolumeDriver;

const kinds: readonly { readonly name: string; readonly skip: string | false; readonly make: Make }[] = [
  { name: "file", skip: false, make: (dir) => fileVolumeDriver({ dir: join(dir, "volumes") }) },
  {
    name: "lvm",
    skip: (await lvmUnavailable()) ?? false,
    make: (dir) => lvmVolumeDriver({ platform, stateDir: join(dir, "lvm"), sizeGb: 4 }),
  },
];

/** A volume of 1 GB on one host; afterwards nothing serves any more. */
const withVolume = (make: Make, work: (stage: Stage) => Promise<void>) => async () => {
  const dir = await mkdtemp(join(tmpdir(), "micronova-nbd-"));
  const tls = join(dir, "tls");
  const clients: NbdClient[] = [];
  const drivers: VolumeDriver[] = [];
  let folders = 0;
  await makeAuthority(tls);
  const options: ReachableOptions = {
    platform,
    host: home,
    stateDir: join(dir, "exports"),
    listen: { address: "127.0.0.1", firstPort: await freePort() },
    certificate: () => hostCertificate(tls, home),
    owner: await guestUser(),
  };
  const next = (changed: Partial<ReachableOptions> = {}) => {
    const driver = reachable(make(dir), { ...options, ...changed });
    drivers.push(driver);
    return driver;
  };
  const certificateOf = async ({ host }: Initiator) => {
    const folder = join(dir, "hosts", host);
    await issueCertificate(tls, host, folder);
    return { ca: join(folder, "ca.pem"), cert: join(folder, "host.pem"), key: join(folder, "host.key") };
  };
  const folderOf = () => join(dir, `client-${++folders}`);
  try {
    const driver = next();
    await driver.start();
    await driver.create({ volumeId, sizeGb: 1 }, { kind: "blank" });
    await work({
      dir,
      driver,
      next,
      certificateOf,
      async client(connection, host, reconnectSeconds = 0) {
        const certificate = await certificateOf(host);
        const client = new NbdClient(connection, { certificate, folder: folderOf(), reconnectSeconds });
        clients.push(client);
        await client.connected();
        return client;
      },
      once: (connection, certificate, command) =>
        onceOver(connection, { certificate, folder: folderOf() }, command),
    });
  } finally {
    for (const client of clients) await client.end();
    for (const driver of drivers) await driver.stop();
    await drivers.at(-1)!.dispose();
    assert.deepEqual(await daemonsIn(dir), [], "an export is left");
    await rm(dir, { recursive: true, force: true });
  }
};

async function over(driver: VolumeDriver, to: Initiator): Promise<NbdConnection> {
  const connection = await driver.export(volumeId, to);
  assert.equal(connection.kind, "nbd");
  return connection;
}

async function here(driver: VolumeDriver, command: string): Promise<string> {
  const connection = await driver.export(volumeId, { host: home });
  assert.equal(connection.kind, "path");
  return (await run("qemu-io", ["-f", "raw", "-c", command, connection.path])).stdout;
}

async function daemonsIn(dir: string): Promise<readonly number[]> {
  return (await exportDaemons(dir)).map(({ pid }) => pid);
}

for (const { name, skip, make } of kinds) {
  describe(`a volume of the ${name} driver on another host`, { skip, concurrency: 2 }, () => {
    test(
      "what the host with the right certificate writes is in the volume, on its own host by its path",
      withVolume(make, async ({ driver, certificateOf, once }) => {
        const connection = await over(driver, guestHost);
        assert.deepEqual(await over(driver, guestHost), connection);
        const certificate = await certificateOf(guestHost);

        assert.match(await once(connection, certificate, "write -P 0x5a 1M 1M"), /wrote 1048576/);
        await driver.unexport(volumeId, guestHost);

        assert.doesNotMatch(await here(driver, "read -P 0x5a 1M 1M"), /verification failed/);
      }),
    );

    test(
      "nobody else gets in: without TLS, with another host's certificate, with another cloud's",
      withVolume(make, async ({ dir, driver, certificateOf, once }) => {
        const connection = await over(driver, guestHost);
        const stranger = join(dir, "stranger");
        await makeAuthority(stranger);
        const foreign = await hostCertificate(stranger, guestHost.host);

        await assert.rejects(once(connection, null, "read 0 4k"), /TLS negotiation required/);
        await assert.rejects(once(connection, await certificateOf(otherHost), "read 0 4k"), /can't open/);
        await assert.rejects(once(connection, foreign, "read 0 4k"), /certificate|can't open/);
        assert.match(await once(connection, await certificateOf(guestHost), "read 0 4k"), /read 4096/);
      }),
    );

    test(
      "a withdrawn export cuts who is connected and lets nobody in again",
      withVolume(make, async ({ driver, client, certificateOf, once }) => {
        const connection = await over(driver, guestHost);
        const connected = await client(connection, guestHost);
        assert.match(await connected.tell("write -P 1 0 64k"), /wrote 65536/);

        await driver.unexport(volumeId, guestHost);
        await driver.unexport(volumeId, guestHost);

        assert.match(await connected.tell("write -P 2 0 64k"), /failed|error/i);
        await assert.rejects(once(connection, await certificateOf(guestHost), "read 0 4k"));
        assert.doesNotMatch(await here(driver, "read -P 1 0 64k"), /verification failed/);
      }),
    );

    test(
      "a volume of one writer is a second host's only when the first has lost it",
      withVolume(make, async ({ driver }) => {
        const isTaken = (error: unknown) => isFault(error, volumeDriverErrors.exportedElsewhere);
        await over(driver, guestHost);

        await assert.rejects(driver.export(volumeId, otherHost), isTaken);
        await assert.rejects(driver.export(volumeId, { host: home }), isTaken);
        const both = await over(driver, { ...otherHost, isShared: true });
        await driver.unexport(volumeId, otherHost);
        await driver.unexport(volumeId, guestHost);
        await driver.export(volumeId, { host: home });
        await assert.rejects(driver.export(volumeId, otherHost), isTaken);
        await driver.unexport(volumeId, { host: home });

        assert.equal((await over(driver, otherHost)).exportName, both.exportName);
      }),
    );

    test(
      "the worker's end leaves exports as they are, and the next one goes on with them",
      withVolume(make, async ({ dir, driver, next, client }) => {
        const connection = await over(driver, guestHost);
        const connected = await client(connection, guestHost);
        const before = await daemonsIn(dir);
        await driver.stop();
        assert.match(await connected.tell("write -P 3 0 64k"), /wrote 65536/);

        const second = next();
        await second.start();

        assert.deepEqual(await over(second, guestHost), connection);
        assert.deepEqual(await daemonsIn(dir), before);
        assert.match(await connected.tell("read -P 3 0 64k"), /read 65536/);
        await second.unexport(volumeId, guestHost);
        assert.deepEqual(await daemonsIn(dir), []);
      }),
    );

    test(
      "an export that is killed comes back where it was, and its client's writes wait for it",
      withVolume(make, async ({ dir, driver, client }) => {
        const connected = await client(await over(driver, guestHost), guestHost, 60);
        assert.match(await connected.tell("write -P 4 0 64k"), /wrote 65536/);
        const [pid] = await daemonsIn(dir);

        process.kill(pid!, "SIGKILL");

        assert.match(await connected.tell("write -P 5 64k 64k"), /wrote 65536/);
        assert.match(await connected.tell("read -P 4 0 64k"), /read 65536/);
        assert.notDeepEqual(await daemonsIn(dir), [pid]);
        await driver.unexport(volumeId, guestHost);
        assert.doesNotMatch(await here(driver, "read -P 5 64k 64k"), /verification failed/);
      }),
    );
  });
}

describe("a host that exports volumes", () => {
  const { make } = kinds[0]!;

  test(
    "says what is missing: an address, a certificate; and does without TLS only when told to",
    withVolume(make, async ({ driver, next, once }) => {
      await driver.stop();

      await assert.rejects(next({ listen: null }).export(volumeId, guestHost), {
        kind: volumeDriverErrors.noExportAddress.kind,
      });
      await assert.rejects(next({ certificate: async () => null }).export(volumeId, guestHost), {
        kind: volumeDriverErrors.noCertificate.kind,
      });
      const insecure = next({ certificate: async () => null, isInsecure: true });
      const connection = await over(insecure, guestHost);
      assert.equal(connection.tlsName, null);
      assert.match(await once(connection, null, "write -P 6 0 4k"), /wrote 4096/);
    }),
  );

  test(
    "takes the next port where one is taken, and says when an export cannot be served",
    withVolume(make, async ({ next }) => {
      const firstPort = await freePort();
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(firstPort, "127.0.0.1", resolve));
      try {
        const driver = next({ listen: { address: "127.0.0.1", firstPort } });

        assert.ok((await over(driver, guestHost)).port > firstPort);
        await assert.rejects(driver.export(systemRandom.uuid(), otherHost), {
          kind: volumeDriverErrors.unknownVolume.kind,
        });
      } finally {
        taken.close();
      }
    }),
  );

  test(
    "keeps no export of a deleted volume",
    withVolume(make, async ({ dir, driver }) => {
      await over(driver, guestHost);

      await driver.delete(volumeId);

      assert.deepEqual(await daemonsIn(dir), []);
    }),
  );
});
