// Who is told where the other ports of a network are, and what administrators see of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordAgent } from "./agents.ts";
import type { HostNetwork } from "./drivers/driver.ts";
import { fakeNetworkDriver } from "./drivers/fake.ts";
import { hostNetwork, networks, portSpec, ports } from "./index.ts";
import { createNetwork } from "./networks.ts";
import { createSubnet } from "./subnets.ts";
import { admin, aNetworkCloud, member, type NetworkCloud } from "./testing.ts";

const id = (digit: number) => `${String(digit).repeat(8)}-1111-4111-8111-111111111111`;

/** A host beside the cloud's own `h1`. */
const host = (cloud: NetworkCloud, name: string, tunnelAddress: string | null) =>
  cloud.store.transaction((tx) =>
    recordAgent(tx, {
      ...{ host: name, driver: "linux", filtering: true, ports: 0, isStart: true, asks: true },
      ...{ tunnelAddress, tunnelFault: null },
    }),
  );

async function serverOn(cloud: NetworkCloud, digit: number, at: string, networkId?: string) {
  const [shared] = await networks.usableBy(cloud.store.read, member);
  const server = { server_id: id(digit), server_name: `s${digit}`, port_id: id(digit), host: at };
  await cloud.store.transaction((tx) =>
    ports.create(tx, admin, { ...server, network_id: networkId ?? shared!.id }),
  );
  return portSpec(cloud.store.read, id(digit));
}

async function remotesOf(cloud: NetworkCloud, at: string) {
  const { remotes } = await hostNetwork(cloud.store.read, at);
  return remotes.map((remote) => [remote.id, remote.tunnelAddress, ...remote.addresses]);
}

test("hosts with a port on a network know where its other ports are, wherever they go", async () => {
  const cloud = await aNetworkCloud();
  const { store } = cloud;
  await host(cloud, "a", "10.0.0.1");
  await host(cloud, "b", "10.0.0.2");
  await host(cloud, "c", "10.0.0.3");
  await host(cloud, "alone", null);
  const one = await serverOn(cloud, 1, "a");
  const two = await serverOn(cloud, 2, "b");
  await serverOn(cloud, 3, "alone");

  const address = (spec: typeof one) => spec.fixed_ips[0]!.ip_address;
  assert.deepEqual(await remotesOf(cloud, "a"), [[id(2), "10.0.0.2", address(two)]]);
  assert.deepEqual(await remotesOf(cloud, "b"), [[id(1), "10.0.0.1", address(one)]]);
  assert.deepEqual(await remotesOf(cloud, "c"), []);
  assert.deepEqual(await remotesOf(cloud, "alone"), []);

  const move = { server_id: id(2), server_name: "s2", host: "c" };
  await store.transaction((tx) => ports.bind(tx, id(2), move));
  assert.deepEqual(await remotesOf(cloud, "a"), [[id(2), "10.0.0.3", address(two)]]);
  assert.deepEqual(await remotesOf(cloud, "b"), []);
  await store.transaction((tx) => ports.remove(tx, id(2)));
  assert.deepEqual(await remotesOf(cloud, "a"), []);
  await cloud.stop();
});

test("a host that begins, or has another address, is told all, and so are the others", async () => {
  const told: HostNetwork[] = [];
  const driver = { ...fakeNetworkDriver(), name: "linux" };
  driver.tunnel = async () => ({ address: "10.0.0.1", fault: null });
  driver.refresh = async (wanted) => {
    told.push(wanted);
  };
  const cloud = await aNetworkCloud({ driver });
  const last = () => told.at(-1)!.remotes.map(({ tunnelAddress }) => tunnelAddress);
  await host(cloud, "b", "10.0.0.2");
  await serverOn(cloud, 1, "h1");
  await serverOn(cloud, 2, "b");
  await cloud.settle();
  assert.deepEqual(last(), ["10.0.0.2"]);

  await host(cloud, "b", "10.0.0.9");
  await cloud.settle();
  assert.deepEqual(last(), ["10.0.0.9"]);

  // What was told last may have been lost on the way: the host asks again from time to time.
  const before = told.length;
  await cloud.platform.clock.advance(10 * 31_000);
  await cloud.settle();
  assert.equal(told.length, before + 1);
  await cloud.stop();
});

test("networks behind the same router come with what is on them", async () => {
  const cloud = await aNetworkCloud();
  const { store } = cloud;
  await host(cloud, "a", "10.0.0.1");
  await host(cloud, "b", "10.0.0.2");
  await serverOn(cloud, 1, "a");
  const project_id = member.projectId!;
  const other = await store.transaction((tx) => createNetwork(tx, { project_id, name: "other" }));
  const subnet = await store.transaction((tx) =>
    createSubnet(tx, { network_id: other.id, project_id, cidr: "10.9.0.0/24" }),
  );
  await serverOn(cloud, 2, "b", other.id);
  assert.deepEqual((await hostNetwork(store.read, "a")).routed, []);

  const { body } = await cloud.call("admin", "GET", "/network/v2.0/routers");
  // The answer's shape is held against samples elsewhere.
  const [router] = (body as { routers: { id: string }[] }).routers;
  const path = `/network/v2.0/routers/${router!.id}/add_router_interface`;
  await cloud.call("admin", "PUT", path, { body: { subnet_id: subnet.id } });

  const { routed, remotes } = await hostNetwork(store.read, "a");
  assert.deepEqual(
    [routed.map(({ id }) => id), remotes.map(({ networkId }) => networkId)],
    [[other.id], [other.id]],
  );
  await cloud.stop();
});

test("administrators see a network's type and number, choose them, and see a host's part in it", async () => {
  const cloud = await aNetworkCloud();
  const create = async (network: object, who = "admin") => {
    const { status, body } = await cloud.call(who, "POST", "/network/v2.0/networks", { body: { network } });
    // The answer's shape is held against samples elsewhere.
    return { status, network: (body as { network: Record<string, unknown> }).network };
  };
  const provider = ({ network }: Awaited<ReturnType<typeof create>>) => [
    network["provider:network_type"],
    network["provider:segmentation_id"],
    network["mtu"],
  ];
  const vxlan = { "provider:network_type": "vxlan" };

  const [type, number, mtu] = provider(await create({ name: "drawn" }));
  assert.deepEqual([type, mtu], ["vxlan", 1450]);
  assert.ok(Number.isInteger(number) && Number(number) >= 1 && Number(number) < 2 ** 24);
  const wanted = { ...vxlan, "provider:segmentation_id": "77" };
  assert.deepEqual(provider(await create(wanted)), ["vxlan", 77, 1450]);
  assert.equal((await create(wanted)).status, 409);
  assert.deepEqual(provider(await create({ "provider:network_type": "local" })), ["local", null, 1500]);
  assert.equal((await create({ ...vxlan, "provider:segmentation_id": 2 ** 24 })).status, 400);
  assert.equal((await create({ "provider:segmentation_id": 5 })).status, 400);
  assert.equal((await create({ ...vxlan, "provider:physical_network": "wire" })).status, 400);
  assert.equal((await create({ "provider:network_type": "vlan" })).status, 501);
  assert.equal((await create(vxlan, "member")).status, 403);
  const own = await create({ name: "own" }, "member");
  assert.equal("provider:network_type" in own.network, false);

  await host(cloud, "a", "10.0.0.1");
  const { body } = await cloud.call("admin", "GET", "/network/v2.0/agents?host=a");
  // As above.
  const [agent] = (body as { agents: { configurations: object }[] }).agents;
  assert.deepEqual(agent!.configurations, {
    driver: "linux",
    devices: 0,
    tunnel_types: ["vxlan"],
    tunneling_ip: "10.0.0.1",
    l2_population: true,
  });
  await cloud.stop();
});
