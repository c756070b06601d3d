import assert from "node:assert/strict";
import { test } from "node:test";
import { aServer } from "../testing.ts";
import { answerMetadata } from "./answer.ts";
import { configDriveFiles } from "./config-drive.ts";
import type { Guest } from "./guest.ts";
import { maskOf, networkData } from "./network-data.ts";

const port: Guest["ports"][number] = {
  id: "20000000-0000-4000-8000-000000000001",
  serverId: "00000000-0000-4000-8000-000000000001",
  mac_address: "fa:16:3e:00:00:01",
  fixed_ips: [{ subnet_id: "s", ip_address: "10.0.0.7" }],
  hostname: "web",
  portSecurity: true,
  rules: [],
  tag: "inside",
  network: {
    id: "n",
    mtu: 1450,
    segmentationId: null,
    dnsDomain: "",
    nat: false,
    routed: [],
    subnets: [
      {
        id: "s",
        ip_version: 4,
        cidr: "10.0.0.0/24",
        gateway_ip: "10.0.0.1",
        service_address: "10.0.0.1",
        enable_dhcp: false,
        dns_nameservers: ["10.0.0.2"],
        host_routes: [{ destination: "10.1.0.0/16", nexthop: "10.0.0.9" }],
      },
    ],
  },
};

function aGuest(columns: Parameters<typeof aServer>[0] = {}): Guest {
  const server = aServer({
    metadata: '{"role":"web"}',
    security_groups: '["default"]',
    user_data: Buffer.from("#!/bin/sh\n").toString("base64"),
    ...columns,
  });
  return {
    server,
    hostname: "web.novalocal",
    flavor: JSON.parse(server.flavor),
    key: { name: "mine", type: "ssh", public_key: "ssh-ed25519 AAAA me" },
    metadata: JSON.parse(server.metadata),
    securityGroups: ["default"],
    ports: [port],
    volumes: [],
  };
}

let readings = 0;
const seed = () => Uint8Array.of(++readings, 2, 3);
const text = (guest: Guest, path: string) => {
  const { status, body } = answerMetadata(guest, path, seed);
  return status === 200 ? body.toString("utf8") : status;
};

test("the tree is listed as cloud-init and old images walk it", () => {
  const guest = aGuest();
  const cases: readonly [string, string | number][] = [
    ["/openstack/2013-04-04/", "meta_data.json\nuser_data\npassword"],
    [
      "/openstack/latest",
      "meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json",
    ],
    ["/openstack/latest/user_data", "#!/bin/sh\n"],
    ["//openstack//latest/vendor_data2.json/", '{"static":{}}'],
    ["/openstack/1999-01-01", 404],
    ["/openstack/latest/nothing", 404],
    ["/latest", "meta-data/\nuser-data"],
    ["/2009-04-04/meta-data/instance-id", "i-00000000"],
    ["/ec2/latest/meta-data/hostname", "web.novalocal"],
    ["/latest/meta-data/public-keys/", "0=mine"],
    ["/latest/meta-data/public-keys/0/", "openssh-key"],
    ["/latest/meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA me"],
    ["/latest/meta-data/placement/", "availability-zone"],
    ["/latest/meta-data/local-ipv4", "10.0.0.7"],
    ["/1.0/meta-data/instance-type", 404],
    ["/latest/user-data", "#!/bin/sh\n"],
    ["/latest/nothing", 404],
  ];

  for (const [path, expected] of cases) assert.equal(text(guest, path), expected, path);
});

test("meta_data.json has what its version has, and a fresh seed each time", () => {
  const latest = JSON.parse(String(text(aGuest(), "/openstack/latest/meta_data.json")));
  const again = JSON.parse(String(text(aGuest(), "/openstack/latest/meta_data.json")));
  const oldest = JSON.parse(String(text(aGuest(), "/openstack/2012-08-10/meta_data.json")));
  const bare = JSON.parse(String(text(aGuest({ metadata: "{}" }), "/openstack/latest/meta_data.json")));

  assert.equal(latest.uuid, "00000000-0000-4000-8000-000000000001");
  assert.deepEqual(latest.meta, { role: "web" });
  assert.deepEqual(latest.public_keys, { mine: "ssh-ed25519 AAAA me" });
  assert.equal(latest.devices[0].mac, port.mac_address);
  assert.notEqual(latest.random_seed, again.random_seed);
  assert.equal("meta" in bare, false);
  assert.equal("random_seed" in oldest || "project_id" in oldest, false);
});

test("network_data.json says address, mask and routes where there is no DHCP, and leaves them to it where there is", () => {
  const dhcp = {
    ...port,
    network: { ...port.network, subnets: [{ ...port.network.subnets[0]!, enable_dhcp: true }] },
  };

  assert.deepEqual(networkData({ ports: [port] }), {
    links: [
      {
        id: "tap20000000-00",
        vif_id: port.id,
        type: "bridge",
        mtu: 1450,
        ethernet_mac_address: port.mac_address,
      },
    ],
    networks: [
      {
        id: "network0",
        link: "tap20000000-00",
        network_id: "n",
        type: "ipv4",
        ip_address: "10.0.0.7",
        netmask: "255.255.255.0",
        routes: [
          { network: "0.0.0.0", netmask: "0.0.0.0", gateway: "10.0.0.1" },
          { network: "10.1.0.0", netmask: "255.255.0.0", gateway: "10.0.0.9" },
        ],
        services: [{ type: "dns", address: "10.0.0.2" }],
      },
    ],
    services: [{ type: "dns", address: "10.0.0.2" }],
  });
  assert.match(JSON.stringify(networkData({ ports: [dhcp] })), /"mtu":null.*"type":"ipv4_dhcp"\}/);
});

test("a mask is written as its version writes it", () => {
  assert.equal(maskOf(20, 4), "255.255.240.0");
  assert.equal(maskOf(64, 6), "ffff:ffff:ffff:ffff::");
  assert.equal(maskOf(128, 6), Array(8).fill("ffff").join(":"));
});

test("a config drive holds what the service would answer, with one seed for all of it", () => {
  const files = configDriveFiles(aGuest(), Uint8Array.of(9));
  const read = (path: string) => Buffer.from(files[path] ?? "", "base64").toString("utf8");

  assert.equal(read("openstack/latest/user_data"), "#!/bin/sh\n");
  assert.equal(JSON.parse(read("openstack/latest/meta_data.json")).random_seed, "CQ==");
  assert.equal(read("openstack/2012-08-10/network_data.json"), "");
  const ec2 = JSON.parse(read("ec2/2009-04-04/meta-data.json"));
  assert.deepEqual(ec2["public-keys"], { 0: { "openssh-key": "ssh-ed25519 AAAA me" } });
});
