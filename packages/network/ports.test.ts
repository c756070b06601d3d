// What compute does with ports, and what hosts are told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeNetworkDriver } from "./drivers/fake.ts";
import { findServerByAddress, networkHosts, networks, portSpec, ports, serverAddresses } from "./index.ts";
import { createRule } from "./security-group-rules.ts";
import { ensureDefaultGroup } from "./security-groups.ts";
import { admin, aNetworkCloud, member } from "./testing.ts";

const serverId = "11111111-1111-4111-8111-111111111111";
const portId = "22222222-2222-4222-8222-222222222222";
const wish = { server_id: serverId, server_name: "My web_1", port_id: portId, host: "h1" };

test("a server's port is made once, has an address and a name, and is found by it", async () => {
  const cloud = await aNetworkCloud();
  const { store } = cloud;
  const [network] = await networks.usableBy(store.read, member);

  for (const _ of [1, 2]) {
    await store.transaction((tx) => ports.create(tx, member, { ...wish, network_id: network!.id }));
  }

  const spec = await portSpec(store.read, portId);
  assert.equal(spec.hostname, "my-web-1");
  assert.equal(spec.serverId, serverId);
  assert.deepEqual(
    spec.fixed_ips.map(({ ip_address }) => ip_address),
    ["192.168.233.10"],
  );
  assert.equal(spec.network.nat, true);
  assert.equal(spec.network.subnets[0]!.service_address, "192.168.233.1");
  assert.match(spec.mac_address, /^fa:16:3e:/);
  assert.equal((await serverAddresses(store.read, [serverId])).get(serverId)![0]!.address, "192.168.233.10");
  assert.equal(await findServerByAddress(store.read, network!.id, "192.168.233.10"), serverId);
  assert.equal(await findServerByAddress(store.read, network!.id, "192.168.233.1"), null);
  await cloud.check();
  await store.transaction((tx) => ports.remove(tx, portId));
  await store.transaction((tx) => ports.remove(tx, portId));
  assert.deepEqual(await ports.ofServer(store.read, serverId), []);
  await cloud.stop();
});

test("a port that stands alone is given to one server only", async () => {
  const cloud = await aNetworkCloud();
  const { store } = cloud;
  const [network] = await networks.usableBy(store.read, member);
  const made = await cloud.call("member", "POST", "/network/v2.0/ports", {
    body: { port: { network_id: network!.id } },
  });
  // The answer's shape is held against samples elsewhere.
  const { port } = made.body as { port: { id: string } };
  const binding = { server_id: serverId, server_name: "a", host: "h1" };

  assert.equal(await store.transaction((tx) => ports.bind(tx, port.id, binding)), true);
  assert.equal(
    await store.transaction((tx) => ports.bind(tx, port.id, { ...binding, server_id: portId })),
    false,
  );
  await store.transaction((tx) => ports.unbind(tx, port.id));
  assert.equal(
    await store.transaction((tx) => ports.bind(tx, port.id, { ...binding, server_id: portId })),
    true,
  );
  await cloud.check();
  await cloud.stop();
});

test("a port behind user networking shows the host's port that leads to its guest, until it goes elsewhere", async () => {
  const cloud = await aNetworkCloud();
  const { store } = cloud;
  const [network] = await networks.usableBy(store.read, member);
  await store.transaction((tx) => ports.create(tx, member, { ...wish, network_id: network!.id }));
  const shown = async () => {
    const { body } = await cloud.call("admin", "GET", `/network/v2.0/ports/${portId}`);
    // The answer's shape is held against samples elsewhere.
    const { port } = body as { port: Record<string, unknown> };
    return [port["binding:vif_type"], port["binding:vif_details"]];
  };
  assert.deepEqual(await shown(), ["bridge", { port_filter: true }]);

  await store.transaction((tx) => ports.plugged(tx, [{ portId, sshPort: 22_001 }]));
  const details = { port_filter: false, ssh_host: "127.0.0.1", ssh_port: 22_001 };
  assert.deepEqual(await shown(), ["other", details]);

  await store.transaction((tx) => ports.bind(tx, portId, { ...wish, host: "h2" }));
  assert.deepEqual(await shown(), ["bridge", { port_filter: true }]);
  await store.transaction((tx) => ports.unbind(tx, portId));
  await store.transaction((tx) => ports.plugged(tx, [{ portId, sshPort: 22_001 }]));
  assert.deepEqual(await shown(), ["unbound", {}]);
  await cloud.stop();
});

test("only a host of user networking lacks metadata, and one that is not known yet", async () => {
  const cloud = await aNetworkCloud({ driver: { ...fakeNetworkDriver(), name: "user" } });
  const { store } = cloud;
  await cloud.settle();
  const [agent] = await store.read.selectFrom("network_agents").select("host").execute();

  assert.equal(await networkHosts.lackMetadata(store.read, agent!.host), true);
  assert.equal(await networkHosts.lackMetadata(store.read, "unheard-of"), true);
  await store.transaction((tx) => tx.updateTable("network_agents").set({ driver: "linux" }).execute());
  assert.equal(await networkHosts.lackMetadata(store.read, agent!.host), false);
  await cloud.stop();
});

test("a filtering host hears of a new rule, and lets go of ports whose rows are gone", async () => {
  const driver = { ...fakeNetworkDriver(), name: "linux" };
  const cloud = await aNetworkCloud({ driver });
  const { store } = cloud;
  const [network] = await networks.usableBy(store.read, member);
  await store.transaction((tx) => ports.create(tx, member, { ...wish, network_id: network!.id }));
  const before = await portSpec(store.read, portId);
  await driver.plug(before);
  const refreshed: number[] = [];
  const { refresh } = driver;
  driver.refresh = (all) => {
    refreshed.push(...all.ports.map(({ rules }) => rules.length));
    return refresh(all);
  };

  await store.transaction(async (tx) => {
    const security_group_id = await ensureDefaultGroup(tx, member.projectId!);
    await createRule(tx, {
      security_group_id,
      project_id: member.projectId!,
      direction: "ingress",
      protocol: "udp",
    });
  });
  await cloud.settle();
  assert.deepEqual(refreshed, [before.rules.length + 1]);

  await store.transaction((tx) => ports.remove(tx, portId));
  await cloud.platform.clock.advance(31_000);
  await cloud.settle();
  assert.deepEqual(await driver.list(), [portId], "a port that is on its way may have no owner for a moment");
  await cloud.platform.clock.advance(31_000);
  await cloud.settle();
  assert.deepEqual(await driver.list(), []);
  await cloud.stop();
});

test("servers go on their project's own networks before shared ones, and never on external ones", async () => {
  const cloud = await aNetworkCloud();
  const usable = async () => (await networks.usableBy(cloud.store.read, member)).map(({ name }) => name);

  assert.deepEqual(await usable(), ["private"]);
  await cloud.call("member", "POST", "/network/v2.0/networks", { body: { network: { name: "own" } } });
  assert.deepEqual(await usable(), ["own"]);
  assert.deepEqual(
    (await networks.usableBy(cloud.store.read, admin)).map(({ name }) => name),
    ["private"],
  );
  await cloud.stop();
});
