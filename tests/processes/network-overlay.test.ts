// Two and three hosts in namespaces, each with a Linux network driver that is told of the others: what a
// private network over several hosts promises, on this machine's own kernel.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run, systemRandom } from "@micronova/kit";
import type { HostNetwork, NetworkSpec, PortSpec } from "@micronova/network";
import { whyNoLinuxHost } from "../../packages/network/drivers/linux/testing.ts";
import { aNetwork, anyOut, aPort, aRule } from "../../packages/network/drivers/testing.ts";
import { type DriverHost, driverOn, type RemoteGuest } from "../support/driver-on-host.ts";
import { type Host, type Hosts, hostsInNamespaces, on } from "../support/hosts-in-namespaces.ts";

const id = () => systemRandom.uuid();
const options = { skip: whyNoLinuxHost() ?? false, timeout: 60_000 };
const ping = aRule({ protocol: "icmp" });
const open = { rules: [anyOut, aRule()] };

interface World extends AsyncDisposable {
  readonly machines: Hosts;
  readonly hosts: readonly DriverHost[];
}

/** Hosts of one cloud, each with its driver. */
async function aWorld(count: number): Promise<World> {
  const machines = await hostsInNamespaces(...Array.from({ length: count }, (_, at) => `h${at + 1}`));
  const cloudId = id();
  const hosts: DriverHost[] = [];
  for (const host of machines.hosts) {
    hosts.push(await driverOn(host, { cloudId, tunnelAddress: host.address }));
  }
  return {
    machines,
    hosts,
    async [Symbol.asyncDispose]() {
      for (const host of hosts) await host[Symbol.asyncDispose]();
      await machines[Symbol.asyncDispose]();
    },
  };
}

const segment = () => ({ segmentationId: 1 + systemRandom.int(2 ** 24 - 1) });

/** What the control plane tells each host when the ports are where they are. */
function told(
  world: World,
  places: readonly (readonly PortSpec[])[],
  routed: readonly (readonly NetworkSpec[])[] = [],
): readonly HostNetwork[] {
  return places.map((ports, at) => {
    const here = new Set(
      [...ports.map(({ network }) => network), ...(routed[at] ?? [])].map((one) => one.id),
    );
    const remotes = places.flatMap((others, there) =>
      there === at
        ? []
        : others
            .filter(({ network }) => here.has(network.id))
            .map((port) => remote(port, world.hosts[there]!.host)),
    );
    return { ports, routed: routed[at] ?? [], remotes };
  });
}

const remote = (port: PortSpec, { address }: Host) => ({
  id: port.id,
  networkId: port.network.id,
  mac_address: port.mac_address,
  addresses: port.fixed_ips.map(({ ip_address }) => ip_address),
  tunnelAddress: address,
});

async function tell(world: World, ...all: Parameters<typeof told> extends [World, ...infer R] ? R : never) {
  const wanted = told(world, ...all);
  await Promise.all(world.hosts.map(({ driver }, at) => driver.refresh(wanted[at]!)));
}

const pings = async (guest: RemoteGuest, address: string, ...more: readonly string[]) =>
  (await guest.run("ping", "-c1", "-W2", ...more, address)) !== null;

test("guests on two hosts are on one network, and each host serves its own", options, async () => {
  await using world = await aWorld(2);
  const [one, two] = world.hosts;
  const network = aNetwork(id(), segment());
  const ports = [aPort(network, id(), 11, { rules: [anyOut, ping] }), aPort(network, id(), 12, open)];
  const first = await one!.guest(ports[0]!);
  const second = await two!.guest(ports[1]!);
  await tell(world, [[ports[0]!], [ports[1]!]]);

  const leases = await Promise.all([first.askAddress(), second.askAddress()]);

  assert.deepEqual(
    leases.map((lease) => [lease?.["ip"], lease?.["router"], lease?.["mtu"]]),
    [
      ["10.213.7.11", "10.213.7.1", "1450"],
      ["10.213.7.12", "10.213.7.1", "1450"],
    ],
  );
  assert.equal(await pings(first, "10.213.7.12"), true);
  assert.equal(await pings(second, "10.213.7.11"), true);
  assert.equal(await pings(second, "10.213.7.1"), true);
  // The largest packet of the network crosses whole.
  assert.equal(await pings(first, "10.213.7.12", "-M", "do", "-s", "1422"), true);
  await Promise.all([one!.serveMetadata(), two!.serveMetadata()]);
  const request = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 2 169.254.169.254 80";
  const answers = await Promise.all([first, second].map((guest) => guest.run("sh", "-c", request)));
  assert.deepEqual(
    answers.map((answer) => answer?.split("\r\n\r\n")[1]),
    ["h1 10.213.7.11", "h2 10.213.7.12"],
  );
});

test("a host's addresses and answers to DHCP stay on it", options, async () => {
  await using world = await aWorld(2);
  const [one, two] = world.hosts;
  const network = aNetwork(id(), segment());
  const open = { portSecurity: false };
  const ports = [aPort(network, id(), 11, open), aPort(network, id(), 12, open)];
  const first = await one!.guest(ports[0]!);
  const second = await two!.guest(ports[1]!);
  await tell(world, [[ports[0]!], [ports[1]!]]);
  await Promise.all([first.askAddress(), second.askAddress()]);
  assert.equal(await pings(first, "10.213.7.12"), true);

  // Known on the second host, asked for from the first.
  await second.run("ip", "link", "set", "dev", "eth0", "down");
  await first.run("ip", "link", "set", "dev", "eth0", "address", ports[1]!.mac_address);
  assert.equal(await first.askAddress(1), null);

  // A guest that says it is the gateway is not heard elsewhere.
  await second.run("ip", "link", "set", "dev", "eth0", "up");
  await second.run("ip", "address", "add", "10.213.7.12/24", "dev", "eth0");
  await second.run("ip", "neighbour", "flush", "all");
  await first.run("ip", "address", "add", "10.213.7.1/24", "dev", "eth0");
  await first.run("busybox", "arping", "-U", "-c2", "-w2", "-I", "eth0", "-s", "10.213.7.1", "10.213.7.12");
  assert.equal(await pings(second, "10.213.7.1"), true);
  const known = await second.run("ip", "neighbour", "show", "10.213.7.1");
  assert.match(known ?? "", new RegExp(`lladdr fa:16:3f:${network.id.slice(0, 2)}`));
});

test("another network with the same addresses is not reached", options, async () => {
  await using world = await aWorld(2);
  const [one, two] = world.hosts;
  const [mine, theirs] = [aNetwork(id(), segment()), aNetwork(id(), segment())];
  const ports = [aPort(mine, id(), 11, open), aPort(theirs, id(), 12, open)];
  const first = await one!.guest(ports[0]!);
  const second = await two!.guest(ports[1]!);
  await tell(world, [[ports[0]!], [ports[1]!]]);
  await Promise.all([first.askAddress(), second.askAddress()]);

  assert.equal(await pings(first, "10.213.7.12"), false);
  assert.equal(await pings(second, "10.213.7.11"), false);
});

test("security groups and anti-spoofing hold across hosts", options, async () => {
  await using world = await aWorld(2);
  const [one, two] = world.hosts;
  const network = aNetwork(id(), segment());
  const member = aPort(network, id(), 11);
  const other = aPort(network, id(), 13);
  const grouped = aPort(network, id(), 12, { rules: [anyOut, aRule({ remoteAddresses: ["10.213.7.11"] })] });
  const [first, third] = [await one!.guest(member), await one!.guest(other)];
  const second = await two!.guest(grouped);
  await tell(world, [[member, other], [grouped]]);
  await Promise.all([first, second, third].map((guest) => guest.askAddress()));

  assert.equal(await pings(first, "10.213.7.12"), true);
  assert.equal(await pings(third, "10.213.7.12"), false);
  assert.equal(await pings(second, "10.213.7.13"), false);
  await third.run("ip", "address", "add", "10.213.7.11/24", "dev", "eth0");
  assert.equal(await pings(third, "10.213.7.12", "-I", "10.213.7.11"), false);
});

test("no guest takes a remote guest's place in the tables", options, async () => {
  await using world = await aWorld(2);
  const [one, two] = world.hosts;
  const network = aNetwork(id(), segment());
  const victim = aPort(network, id(), 12, open);
  const honest = aPort(network, id(), 11, open);
  const rogue = aPort(network, id(), 66, { portSecurity: false });
  const second = await two!.guest(victim);
  const [first, third] = [await one!.guest(honest), await one!.guest(rogue)];
  await tell(world, [[honest, rogue], [victim]]);
  await Promise.all([first, second, third].map((guest) => guest.askAddress()));

  await third.run("ip", "link", "set", "dev", "eth0", "address", victim.mac_address);
  await third.run("busybox", "arping", "-U", "-c2", "-w2", "-I", "eth0", "-s", "10.213.7.66", "10.213.7.11");

  assert.equal(await pings(first, "10.213.7.12"), true);
  assert.equal(await pings(second, "10.213.7.11"), true);
});

test("frames come only from the cloud's other hosts, and never from inside a guest", options, async () => {
  await using world = await aWorld(3);
  const [one, two] = world.hosts;
  const stranger = world.machines.hosts[2]!;
  const network = aNetwork(id(), segment());
  const ports = [aPort(network, id(), 11, open), aPort(network, id(), 12, open)];
  const first = await one!.guest(ports[0]!);
  const second = await two!.guest(ports[1]!);
  await tell(world, [[ports[0]!], [ports[1]!], []]);
  await Promise.all([first.askAddress(), second.askAddress()]);
  assert.equal(await pings(first, "10.213.7.12"), true);
  const target = two!.host.address;
  // The kernel listens at all addresses of a host.
  const another = target.replace(/\d+$/, "102");
  await run(...on(two!.host, "ip", "address", "add", `${another}/24`, "dev", "eth0"));
  const send = (mark: number, to = target) =>
    `require("node:dgram").createSocket("udp4").send(Buffer.from("${aFrame(network, ports[1]!, mark)}", "hex"), 4789,
       "${to}", () => process.exit())`;
  // The guest's own card hears what its host lets through; an answer to ARP would be counted as well.
  const known = ["10.213.7.11", "lladdr", ports[0]!.mac_address, "dev", "eth0", "nud", "permanent"];
  await second.run("ip", "neighbour", "replace", ...known);
  const heard = async () => (await second.run("cat", "/sys/class/net/eth0/statistics/rx_packets")) ?? "";
  const countOf = async (work: () => Promise<unknown>) => {
    const before = Number(await heard());
    await work();
    // Goes behind what was sent, on the same way.
    await pings(first, "10.213.7.12");
    return Number(await heard()) - before;
  };

  const quiet = await countOf(async () => {});
  assert.equal(await countOf(() => run(...on(one!.host, process.execPath, "-e", send(1)))), quiet + 1);
  assert.equal(await countOf(() => first.run(process.execPath, "-e", send(2))), quiet);
  assert.equal(await countOf(() => run(...on(stranger, process.execPath, "-e", send(3)))), quiet);
  assert.equal(await countOf(() => run(...on(stranger, process.execPath, "-e", send(4, another)))), quiet);
  assert.equal(
    await countOf(() => run(...on(one!.host, process.execPath, "-e", send(5, another)))),
    quiet + 1,
  );
});

/** A frame of the overlay, in hexadecimal digits: a datagram to the port from an address of its network. */
function aFrame(network: NetworkSpec, to: PortSpec, mark: number): string {
  const hex = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, "0");
  const address = (text: string) =>
    text
      .split(".")
      .map((part) => hex(Number(part), 1))
      .join("");
  const plain = (mac: string) => mac.replaceAll(":", "");
  const header = ["0800", "0000", `${hex(network.segmentationId!, 3)}00`].join("");
  const ethernet = `${plain(to.mac_address)}fa163e0000${hex(mark, 1)}0800`;
  const ip = ["4500", hex(28, 2), "00010000", "40", "11"];
  const ends = `${address("10.213.7.99")}${address(to.fixed_ips[0]!.ip_address)}`;
  const sum = checksum([...ip, "0000", ends].join(""));
  return [header, ethernet, ...ip, hex(sum, 2), ends, hex(1000, 2), hex(1000, 2), hex(8, 2), "0000"].join("");
}

function checksum(digits: string): number {
  let sum = (digits.match(/.{4}/g) ?? []).reduce((total, word) => total + Number.parseInt(word, 16), 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

test("a port that moves to another host is found there by the others", options, async () => {
  await using world = await aWorld(3);
  const [one, two, three] = world.hosts;
  const network = aNetwork(id(), segment());
  const [still, mover] = [aPort(network, id(), 11, open), aPort(network, id(), 12, open)];
  const first = await one!.guest(still);
  const before = await two!.guest(mover);
  await tell(world, [[still], [mover], []]);
  await Promise.all([first.askAddress(), before.askAddress()]);
  assert.equal(await pings(first, "10.213.7.12"), true);

  await two!.driver.unplug(mover.id);
  const after = await three!.guest(mover);
  await tell(world, [[still], [], [mover]]);
  await after.askAddress();

  assert.equal(await pings(first, "10.213.7.12"), true);
  assert.equal(await pings(after, "10.213.7.11"), true);

  // Home to the first guest's own host.
  await three!.driver.unplug(mover.id);
  const home = await one!.guest(mover);
  await tell(world, [[still, mover], [], []]);
  await home.askAddress();
  assert.equal(await pings(first, "10.213.7.12"), true);
  const devices = await run(...on(one!.host, "ip", "-o", "link", "show", "type", "vxlan"));
  assert.equal(devices.stdout, "");
});

test(
  "a restarted driver and a restarted host find the others again before anybody tells them",
  options,
  async () => {
    await using world = await aWorld(2);
    const [one, two] = world.hosts;
    const network = aNetwork(id(), segment());
    const ports = [aPort(network, id(), 11, open), aPort(network, id(), 12, open)];
    const first = await one!.guest(ports[0]!);
    const second = await two!.guest(ports[1]!);
    await tell(world, [[ports[0]!], [ports[1]!]]);
    await Promise.all([first.askAddress(), second.askAddress()]);
    const vxlan = async () =>
      (await run(...on(one!.host, "ip", "-o", "link", "show", "type", "vxlan"))).stdout;
    const device = await vxlan();

    await one!.restart();
    assert.equal(await vxlan(), device);
    assert.equal(await pings(first, "10.213.7.12"), true);

    const links = (await run(...on(one!.host, "ls", "/sys/class/net"))).stdout.split(/\s+/);
    for (const name of links.filter((link) => /^(brq|tap|vxl)/.test(link))) {
      await run(...on(one!.host, "ip", "link", "delete", "dev", name));
    }
    await run(...on(one!.host, "nft", "flush", "ruleset"));
    await run(...on(one!.host, "sh", "-c", "kill -9 $(cat /run/micronova/*/dhcp/*/pid)"));
    await one!.restart();
    await first.askAddress();
    assert.equal(await pings(first, "10.213.7.12"), true);
    assert.equal(await pings(second, "10.213.7.11"), true);
  },
);

test("networks of one router reach each other from host to host", options, async () => {
  await using world = await aWorld(2);
  const [one, two] = world.hosts;
  const ids = [id(), id()];
  const here = aNetwork(ids[0]!, { ...segment(), routed: [ids[1]!] });
  const there = aNetwork(ids[1]!, { ...segment(), routed: [ids[0]!], prefix: "10.213.8" });
  const ports = [aPort(here, id(), 11, open), aPort(there, id(), 12, open)];
  const first = await one!.guest(ports[0]!);
  const second = await two!.guest(ports[1]!);
  await tell(world, [[ports[0]!], [ports[1]!]], [[there], [here]]);
  await Promise.all([first.askAddress(), second.askAddress()]);

  assert.equal(await pings(first, "10.213.8.12"), true);
  assert.equal(await pings(second, "10.213.7.11"), true);
});

test(
  "a host that cannot have the overlay says why and takes no part; disposing leaves nothing",
  options,
  async () => {
    await using machines = await hostsInNamespaces("h1");
    const [host] = machines.hosts;
    const network = aNetwork(id(), segment());
    const port = aPort(network, id(), 11);
    await using wrong = await driverOn(host!, { cloudId: id(), tunnelAddress: "10.9.9.9" });

    assert.deepEqual(await wrong.driver.tunnel(), {
      address: null,
      fault: "its tunnel address 10.9.9.9 is none of its addresses",
    });
    await assert.rejects(
      wrong.driver.plug(port),
      /cannot join networks over several hosts: its tunnel address/,
    );

    await using right = await driverOn(host!, { cloudId: id(), tunnelAddress: host!.address });
    const before = await right.snapshot();
    const elsewhere = { ...remote(aPort(network, id(), 12), host!), tunnelAddress: machines.address };
    await right.driver.apply({ ports: [port], routed: [], remotes: [elsewhere] }).catch(() => undefined);
    await right.guest(port);
    assert.notEqual(await right.snapshot(), before);
    await right.dispose();
    assert.equal(await right.snapshot(), before);
  },
);
