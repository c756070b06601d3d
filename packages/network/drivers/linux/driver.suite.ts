// The Linux driver on this machine's own kernel, with namespaces as guests. Run by driver.test.ts in a
// network of its own.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { run, systemRandom } from "@micronova/kit";
import type { HostNetwork, PortSpec } from "../driver.ts";
import { aNetwork, anyOut, aPort, aRule } from "../testing.ts";
import { type Guest, hostSnapshot, testHost } from "./testing.ts";

const all = (ports: readonly PortSpec[]): HostNetwork => ({ ports, routed: [], remotes: [] });
const id = () => systemRandom.uuid();
const ssh = aRule({ protocol: "tcp", port_range_min: 22, port_range_max: 22 });
const ping = aRule({ protocol: "icmp" });

/** Whether a TCP connection from the host comes about. */
function reaches(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 700 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}

const pings = async (guest: Guest, address: string) =>
  (await guest.run("timeout", "0.6", "busybox", "ping", "-c1", "-W1", address)) !== null;

const connects = async (guest: Guest, address: string, port: number) =>
  (await guest.run(
    "timeout",
    "0.6",
    "busybox",
    "nc",
    "-w",
    "1",
    address,
    String(port),
    "-e",
    "/bin/true",
  )) !== null;

/** The body of the answer. */
async function asksMetadata(guest: Guest): Promise<string | undefined> {
  const request = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 2 169.254.169.254 80";
  return (await guest.run("sh", "-c", request))?.split("\r\n\r\n")[1];
}

/** Answers on two ports of the guest. */
function listenIn(guest: Guest): void {
  for (const port of ["22", "80"]) guest.start("busybox", "nc", "-ll", "-p", port, "-e", "/bin/true");
}

/** By their names; run them in a network namespace of their own. */
export const suite: Readonly<Record<string, () => Promise<void>>> = {
  "a guest gets its port's address, routes, mtu and name, and an unknown card gets nothing": async () => {
    await using host = await testHost();
    const network = aNetwork(id());
    const guest = await host.guest(aPort(network, id(), 10));

    const lease = await guest.askAddress();

    assert.equal(lease?.["ip"], "10.213.7.10");
    assert.equal(lease?.["router"], "10.213.7.1");
    assert.equal(lease?.["mtu"], "1450");
    assert.equal(lease?.["hostname"], "guest-10");
    assert.equal(lease?.["domain"], "cloud.example");
    assert.match(lease?.["staticroutes"] ?? "", /169\.254\.169\.254\/32 10\.213\.7\.1/);
    const name = await guest.run("busybox", "nslookup", "guest-10.cloud.example", "10.213.7.1");
    assert.match(name ?? "", /10\.213\.7\.10/);

    const stranger = await host.guest(aPort(network, id(), 66, { portSecurity: false, fixed_ips: [] }));
    await stranger.run("ip", "link", "set", "dev", "eth0", "address", "fa:16:3e:66:66:66");
    assert.equal(await stranger.askAddress(1), null);
  },

  "the host reaches a guest where its security groups allow it, and the guest reaches none of the host's services":
    async () => {
      await using host = await testHost();
      const network = aNetwork(id());
      const guest = await host.guest(aPort(network, id(), 10, { rules: [anyOut, ssh, ping] }));
      await guest.askAddress();
      listenIn(guest);
      const service = createServer((socket) => socket.end())
        .listen(0, "0.0.0.0")
        .unref();
      await once(service, "listening");
      // A listening socket's address is an object with its port.
      const { port } = service.address() as { port: number };

      assert.deepEqual(
        await Promise.all([
          reaches("10.213.7.10", 22),
          reaches("10.213.7.10", 80),
          pings(guest, "10.213.7.1"),
          connects(guest, "10.213.7.1", port),
          connects(guest, "192.0.2.2", port),
        ]),
        [true, false, true, false, false],
      );
      service.close();
    },

  "groups allow guests what their rules say, as connections, and changed rules count at once": async () => {
    await using host = await testHost();
    const network = aNetwork(id());
    const [one, two] = [aPort(network, id(), 11), aPort(network, id(), 12)];
    const rules = [anyOut, aRule({ remoteAddresses: ["10.213.7.11", "10.213.7.12"] })];
    const first = await host.guest(one);
    const second = await host.guest(two);
    await Promise.all([first.askAddress(), second.askAddress()]);
    listenIn(second);

    assert.equal(await connects(first, "10.213.7.12", 22), false);
    await host.driver.plug({ ...two, rules });
    assert.equal(await connects(first, "10.213.7.12", 22), true);
    await host.driver.apply(all([one, { ...two, rules: [anyOut] }]));
    assert.equal(await connects(first, "10.213.7.12", 22), false);
    await host.driver.apply(
      all([
        { ...one, rules: [] },
        { ...two, rules },
      ]),
    );
    assert.equal(await connects(first, "10.213.7.12", 22), false);
  },

  "a guest cannot send under another address or card, nor give out addresses": async () => {
    await using host = await testHost();
    const network = aNetwork(id());
    const guest = await host.guest(aPort(network, id(), 13));
    const other = await host.guest(aPort(network, id(), 14, { rules: [anyOut, aRule()] }));
    await Promise.all([guest.askAddress(), other.askAddress()]);
    assert.equal(await pings(guest, "10.213.7.14"), true);

    await guest.run("ip", "address", "add", "10.213.7.77/24", "dev", "eth0");
    assert.equal(await guest.run("busybox", "ping", "-c1", "-W1", "-I", "10.213.7.77", "10.213.7.14"), null);
    assert.equal(
      await guest.run("busybox", "arping", "-c1", "-w1", "-I", "eth0", "-s", "10.213.7.77", "10.213.7.14"),
      null,
    );
    await guest.run("ip", "link", "set", "dev", "eth0", "address", "fa:16:3e:99:99:99");
    assert.equal(await pings(guest, "10.213.7.14"), false);
  },

  "networks do not reach each other, and only a translated one reaches the outside": async () => {
    await using host = await testHost();
    await using outside = await anOutside();
    const inside = aNetwork(id());
    const isolated = aNetwork(id(), { prefix: "10.213.8", nat: false });
    const all = { rules: [anyOut, aRule()] };
    const guest = await host.guest(aPort(inside, id(), 15, all));
    const lonely = await host.guest(aPort(isolated, id(), 16, all));
    await Promise.all([guest.askAddress(), lonely.askAddress()]);

    assert.deepEqual(
      await Promise.all([
        pings(guest, outside.address),
        pings(lonely, outside.address),
        pings(guest, "10.213.8.16"),
        pings(lonely, "10.213.7.15"),
        pings(lonely, "10.213.7.1"),
      ]),
      [true, false, false, false, false],
    );
  },

  "metadata is asked at 169.254.169.254 and the asker is known by its address": async () => {
    await using host = await testHost();
    const network = aNetwork(id());
    const guest = await host.guest(aPort(network, id(), 17));
    await guest.askAddress();
    let endpoint = { networkId: "", address: "", port: 0 };
    host.driver.metadata!.watch(([first]) => {
      endpoint = first ?? endpoint;
    });
    const server = createHttpServer((request, response) => response.end(request.socket.remoteAddress));
    server.listen(endpoint.port, endpoint.address).unref();
    await once(server, "listening");

    assert.equal(endpoint.networkId, network.id);
    assert.equal(await asksMetadata(guest), "10.213.7.17");
    assert.equal(await connects(guest, endpoint.address, endpoint.port), false);
    await guest.run("ip", "route", "replace", "169.254.0.0/16", "dev", "eth0");
    assert.equal(await asksMetadata(guest), "10.213.7.17");
    server.close();
  },

  "a restarted process finds its ports and servers again, and puts right what was broken": async () => {
    await using host = await testHost();
    const network = aNetwork(id());
    const port = aPort(network, id(), 18, { rules: [anyOut, ping] });
    const guest = await host.guest(port);
    await guest.askAddress();
    const servers = async () =>
      (await run("pgrep", ["-f", `interface=brq${network.id.slice(0, 11)}`])).stdout;
    const before = await servers();

    const again = host.again();
    await again.start();

    assert.deepEqual(await again.list(), [port.id]);
    assert.equal(await servers(), before);
    assert.equal(await pings(guest, "10.213.7.1"), true);
    await run("kill", [before.trim()]);
    await run("nft", [
      "delete",
      "table",
      "inet",
      (await tablesOf()).find((name) => name.startsWith("micronova_"))!,
    ]);
    await again.apply(all([port]));
    assert.equal((await guest.askAddress())?.["ip"], "10.213.7.18");
    await again.apply(all([]));
    assert.deepEqual(await again.list(), []);
  },

  "a network whose addresses the host reaches elsewhere is refused and leaves nothing": async () => {
    await using host = await testHost();
    const mine = aPort(aNetwork(id()), id(), 19);
    const twin = aPort(aNetwork(id()), id(), 20);
    await host.guest(mine);

    await assert.rejects(
      host.driver.plug(twin),
      /10\.213\.7\.0\/24 overlaps with what this host reaches through brq/,
    );
    await host.driver.unplug(twin.id);
    assert.deepEqual(await host.driver.list(), [mine.id]);
  },

  "disposing leaves the host's network as it was": async () => {
    const before = await hostSnapshot();
    {
      await using host = await testHost({
        portDevice: (name) => [`tuntap add dev ${name} mode tap user 65534`],
      });
      const network = aNetwork(id());
      const ports = Array.from({ length: 64 }, (_, at) =>
        aPort(network, id(), 20 + at, {
          rules: [anyOut, ssh, ping, aRule({ remoteAddresses: ["10.213.7.20"] })],
        }),
      );
      await Promise.all(ports.map((port) => host.driver.plug(port)));
      assert.equal((await host.driver.list()).length, 64);
      assert.notEqual(await hostSnapshot(), before);
    }

    assert.equal(await hostSnapshot(), before);
  },
};

async function tablesOf(): Promise<readonly string[]> {
  const { stdout } = await run("nft", ["list", "tables"]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.split(" ")[2]!);
}

/** A machine beyond the host: it knows the host, and nothing of the guests behind it. */
async function anOutside(): Promise<{ readonly address: string } & AsyncDisposable> {
  const name = `mnova-out-${id().slice(0, 4)}`;
  const device = name.slice(6, 15);
  await run("ip", ["netns", "add", name]);
  await run("ip", ["link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", name]);
  await run("ip", ["address", "add", "198.51.100.1/30", "dev", device]);
  await run("ip", ["link", "set", device, "up"]);
  await run("ip", ["netns", "exec", name, "ip", "address", "add", "198.51.100.2/30", "dev", "eth0"]);
  await run("ip", ["netns", "exec", name, "ip", "link", "set", "eth0", "up"]);
  return {
    address: "198.51.100.2",
    async [Symbol.asyncDispose]() {
      await run("ip", ["netns", "delete", name]);
    },
  };
}
