// Who may do what, seen by clients while it changes: against our broker and, for the truth of what is
// expected, RabbitMQ. And who comes by a certificate.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connectAmqp, serveAmqp } from "@micronova/amqp";
import { RawClient } from "@micronova/amqp/testing";
import { type Authority, anAuthority, type Certificate } from "../support/certificates.ts";
import { type RunningBroker, realPlatform, said, startBroker } from "../support/running-broker.ts";
import { type BusProcess, startBus } from "../support/running-bus.ts";
import { micronova } from "../support/running-cloud.ts";
import { type RunningRabbit, rabbitMissing, startRabbit } from "../support/running-rabbit.ts";

const script = fileURLToPath(new URL("amqp-access.py", import.meta.url));
const pikaMissing = existsSync("/usr/lib/python3/dist-packages/pika")
  ? false
  : "the package python3-pika is not installed";
const everything = { configure: ".*", write: ".*", read: ".*" };

const dir = mkdtempSync(join(tmpdir(), "bus-access-"));
const processes: BusProcess[] = [];
let authority: Authority;
let ours: RunningBroker;
let rabbit: RunningRabbit | null = null;

before(async () => {
  authority = await anAuthority();
  ours = await startBroker();
  if (rabbitMissing === false) rabbit = await startRabbit();
});
after(async () => {
  for (const bus of processes) bus.kill();
  await ours.stop();
  await rabbit?.stop();
  authority.remove();
  rmSync(dir, { recursive: true, force: true });
});

/** A bus that ends with the tests, however they end. */
async function serving(...args: Parameters<typeof startBus>): Promise<BusProcess> {
  const bus = await startBus(...args);
  processes.push(bus);
  return bus;
}

async function pika(port: number, ...rest: readonly string[]): Promise<unknown> {
  const { status, stdout, stderr } = await said("/usr/bin/python3", [script, String(port), ...rest]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

// Changing rights

type Acts = Readonly<Record<string, () => unknown>>;

function actsOfOurs(): Acts {
  const { broker } = ours;
  return {
    prepare() {
      broker.addHost("shop");
      broker.access.putUser({ name: "worker", password: "secret" });
      for (const host of ["shop", "/"]) broker.access.setPermission("worker", host, everything);
    },
    "clear permissions": () => broker.access.clearPermission("worker", "shop"),
    "set permissions": () => broker.access.setPermission("worker", "shop", everything),
    "delete host": () => broker.deleteHost("shop"),
    "delete user": () => broker.access.deleteUser("worker"),
  };
}

function actsOfRabbit(): Acts {
  const control = async (...args: string[]) => assert.equal((await rabbit!.control(...args)).status, 0);
  const allow = (host: string) => control("set_permissions", "-p", host, "worker", ".*", ".*", ".*");
  return {
    async prepare() {
      await control("add_vhost", "shop");
      await control("add_user", "worker", "secret");
      for (const host of ["shop", "/"]) await allow(host);
    },
    "clear permissions": () => control("clear_permissions", "-p", "shop", "worker"),
    "set permissions": () => allow("shop"),
    "delete host": () => control("delete_vhost", "shop"),
    "delete user": () => control("delete_user", "worker"),
  };
}

const expected = {
  "at once": [
    403,
    "ACCESS_REFUSED - access to exchange 'amq.default' in vhost 'shop' refused for user 'worker'",
  ],
  cleared: [403, "ACCESS_REFUSED - access to queue 'q' in vhost 'shop' refused for user 'worker'"],
  "no new one": [
    `ConnectionClosedByBroker: (530) "NOT_ALLOWED - access to vhost 'shop' refused for user 'worker'"`,
  ],
  "host deleted": [320, "CONNECTION_FORCED - vhost 'shop' is deleted"],
  "user deleted": [320, "CONNECTION_FORCED - user 'worker' is deleted"],
  unknown: [
    "ConnectionClosedByBroker: (403) 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. " +
      "For details see the broker logfile.'",
  ],
};

const doors = {
  "our broker": { missing: false, url: () => ours.url, acts: actsOfOurs, remembers: false },
  RabbitMQ: {
    missing: rabbitMissing,
    url: () => rabbit!.url,
    acts: actsOfRabbit,
    // A busy channel of RabbitMQ remembers for a while what it was once allowed.
    remembers: true,
  },
} as const;

for (const [name, { missing, url, acts, remembers }] of Object.entries(doors))
  test(`${name}: what changes is felt by whoever is connected`, {
    skip: pikaMissing || missing,
  }, async () => {
    const bus = connectAmqp(realPlatform, [url()]);
    const known = acts();
    await known["prepare"]?.();
    await bus.declareQueue({ name: "done", bindings: [] });
    await bus.consume({ name: "now", bindings: [] }, { prefetch: 1 }, async (delivery) => {
      await known[String(delivery.message.body)]?.();
      await bus.publish({ exchange: "", key: "done" }, { body: "done" });
      delivery.ack();
    });

    const seen = await pika(Number(new URL(url()).port), "changes");

    await bus.close();
    // What ends first in RabbitMQ, the virtual host or its supervisor, is luck.
    const text = JSON.stringify(seen).replace("vhost 'shop' is down", "vhost 'shop' is deleted");
    const { "at once": atOnce, ...later } = JSON.parse(text);
    const { "at once": expectedAtOnce, ...expectedLater } = expected;
    assert.deepEqual(later, expectedLater);
    if (!remembers) assert.deepEqual(atOnce, expectedAtOnce);
  });

for (const [name, { missing, url }] of Object.entries(doors))
  test(`${name}: a secret may be renewed, and any is right`, { skip: missing }, async () => {
    const client = await RawClient.open({ port: Number(new URL(url()).port) });

    for (const secret of ["guest", "another", ""]) {
      const renewal = { newSecret: Buffer.from(secret), reason: "it is time" };
      await client.call(0, "connection.update-secret", renewal, "connection.update-secret-ok");
    }

    await client.cut();
  });

// Certificates

async function overTls<T>(act: (port: number) => Promise<T>, clientCa?: string): Promise<T> {
  const { cert, key } = await authority.certificate("/CN=localhost");
  const tls = { cert, key, ...(clientCa === undefined ? {} : { clientCa }) };
  const service = serveAmqp(ours.broker, { host: "127.0.0.1", port: 0, tls });
  await service.start();
  try {
    return await act(service.port);
  } finally {
    await service.stop();
  }
}

test("a certificate's common name is a user's, and nothing else of it", { skip: pikaMissing }, async () => {
  const { access } = ours.broker;
  access.putUser({ name: "worker" });
  access.setPermission("worker", "/", everything);
  const come = (port: number, { certPath, keyPath }: Certificate) =>
    pika(port, "external", authority.caPath, certPath, keyPath);
  const refusal = [/authentication mechanism EXTERNAL/];

  await overTls(async (port) => {
    assert.deepEqual(await come(port, await authority.certificate("/O=us/CN=worker")), ["x"]);
    for (const subject of ["/CN=stranger", "/O=worker", "/CN=worker/CN=stranger", "/CN=stranger/CN=worker"]) {
      const [why] = (await come(port, await authority.certificate(subject))) as string[];
      assert.match(String(why), refusal[0]!, subject);
    }
  }, authority.ca);
  access.deleteUser("worker");
});

test("a listener that asks for no certificates offers no login by them", { skip: pikaMissing }, async () => {
  const { certPath, keyPath } = await authority.certificate("/CN=guest");

  await overTls(async (port) => {
    const [code, text] = (await pika(port, "external", authority.caPath, certPath, keyPath)) as unknown[];
    assert.match(`${code} ${text}`, /EXTERNAL/);
  });
});

test("`bus serve` speaks TLS, and a client with a certificate needs no password", async () => {
  const [server, guest] = [
    await authority.certificate("/CN=localhost"),
    await authority.certificate("/CN=guest"),
  ];
  const files = ["--tls-cert", server.certPath, "--tls-key", server.keyPath, "--tls-ca", authority.caPath];
  const running = await serving(dir, [...files, "--tls-port", "0"], 2);
  const tlsUrl = running.urls[1]!;
  const { ca } = authority;
  const buses = [
    connectAmqp(realPlatform, [tlsUrl], { ca, cert: guest.cert, key: guest.key }),
    connectAmqp(realPlatform, [tlsUrl.replace("//", "//guest:guest@")], {
      ca,
      cert: guest.cert,
      key: guest.key,
    }),
    connectAmqp(realPlatform, [running.urls[0]!]),
  ];
  const [first] = buses;
  const got: unknown[] = [];
  await first!.consume({ name: "q", bindings: [] }, { prefetch: 0 }, ({ message }) => got.push(message.body));

  for (const [body, bus] of buses.entries()) await bus.publish({ exchange: "", key: "q" }, { body });
  await first!.publish({ exchange: "", key: "q" }, { body: "last" });
  while (got.at(-1) !== "last") await new Promise((resolve) => setTimeout(resolve, 5));

  assert.deepEqual(got, [0, 1, 2, "last"]);
  for (const bus of buses) await bus.close();
  assert.equal(await running.stop(), 0);
});

test("who may do what survives kill -9, and a guest that was deleted stays away", async () => {
  const dataDir = join(dir, "rights");
  let running = await serving(dataDir);
  const administrate = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Basic ${Buffer.from("guest:guest").toString("base64")}` };
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${running.management}/api${path}`, { method, headers, ...json });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.text()}`);
  };
  await administrate("PUT", "/vhosts/shop");
  await administrate("PUT", "/users/keeper", { password: "secret", tags: "administrator" });
  await administrate("PUT", "/permissions/shop/keeper", everything);
  await administrate("DELETE", "/users/guest");

  running.kill();
  running = await serving(dataDir);

  const { port } = new URL(running.urls[0]!);
  const keeper = connectAmqp(realPlatform, [`amqp://keeper:secret@127.0.0.1:${port}/shop`]);
  await keeper.declareQueue({ name: "q", bindings: [] });
  const refusal = /403 ACCESS_REFUSED - Login was refused/;
  await assert.rejects(RawClient.open({ port: Number(port) }), refusal);
  const elsewhere = { port: Number(port), user: "keeper", password: "secret", virtualHost: "/" };
  await assert.rejects(RawClient.open(elsewhere), /530 NOT_ALLOWED - access to vhost '\/' refused/);
  await keeper.close();
  assert.equal(await running.stop(), 0);
});

test("`bus serve` refuses what is not safe or not whole, in one sentence", async () => {
  const { certPath, keyPath } = await authority.certificate("/CN=localhost");
  const cases = [
    [["--listen", "0.0.0.0"], /^micronova: 0\.0\.0\.0 is not loopback: that needs TLS or --insecure/],
    [["--tls-cert", certPath], /^micronova: TLS needs both --tls-cert and --tls-key\.\n$/],
    [["--tls-cert", "/nowhere", "--tls-key", keyPath], /^micronova: \/nowhere cannot be read: .*\n$/],
    [
      ["--tls-cert", keyPath, "--tls-key", keyPath],
      /^micronova: TLS cannot be served with these files: .*\n$/,
    ],
    [["--tls-port", "many", "--tls-cert", certPath, "--tls-key", keyPath], /--tls-port takes a number/],
  ] as const;
  for (const [args, expected] of cases) {
    const { status, stderr } = await micronova(["bus", "serve", "--data-dir", dir, "--port", "0", ...args]);
    assert.equal(status, 1);
    assert.match(stderr, expected);
  }
});
