// The API as clients use it: shapes against Neutron's samples, lists, rights, refusals.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { InjectResponse } from "@micronova/http";
import { sameShape } from "@micronova/http/testing";
import { aNetworkCloud, member, type NetworkCloud, otherProject } from "../testing.ts";

const samples = new URL("../../../../shared/api/samples/network/", import.meta.url);
const noSamples = existsSync(samples) ? false : "the samples of the API are not beside this tree";

type Json = Record<string, never> & { readonly [key: string]: Json };
// Answers are read by tests that fail when they look otherwise.
const bodyOf = (response: InjectResponse) => response.body as Json;

async function withCloud(work: (cloud: NetworkCloud) => Promise<void>): Promise<void> {
  const cloud = await aNetworkCloud();
  try {
    await work(cloud);
    await cloud.check();
  } finally {
    await cloud.stop();
  }
}

async function make(cloud: NetworkCloud, kind: string, body: object, token = "member"): Promise<Json> {
  const answer = await cloud.call(token, "POST", `/network/v2.0/${kind.replaceAll("_", "-")}s`, {
    body: { [kind]: body },
  });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return bodyOf(answer)[kind]!;
}

const errorOf = (answer: InjectResponse) =>
  bodyOf(answer)["NeutronError"] as unknown as { type: string; message: string };

async function tenantNetwork(cloud: NetworkCloud) {
  const network = await make(cloud, "network", { name: "blue" });
  const subnet = await make(cloud, "subnet", {
    network_id: network["id"],
    ip_version: 4,
    cidr: "10.1.0.0/29",
  });
  return { networkId: String(network["id"]), subnetId: String(subnet["id"]) };
}

/** Keys of the samples that belong to extensions this service does not list. */
const absent: Readonly<Record<string, readonly string[]>> = {
  network: ["qos_policy_id", "pvlan", "qinq", "vlan_transparent"],
  subnet: ["dns_publish_fixed_ip", "segment_id", "service_types"],
  port: "data_plane_status dns_assignment dns_domain dns_name ip_allocation propagate_uplink_status qos_network_policy_id qos_policy_id pvlan_type pvlan_community hardware_offload_type".split(
    " ",
  ),
  router: ["service_type_id", "conntrack_helpers"],
};

test("answers have the shapes of Neutron's samples", { skip: noSamples }, () =>
  withCloud(async (cloud) => {
    const { networkId, subnetId } = await tenantNetwork(cloud);
    const port = await make(cloud, "port", { network_id: networkId });
    const group = await make(cloud, "security_group", { name: "web" });
    const rule = await make(cloud, "security_group_rule", {
      security_group_id: group["id"],
      direction: "ingress",
    });
    const router = await make(cloud, "router", { name: "r" });
    const cases = [
      ["network", "networks/network-show-response.json", `networks/${networkId}`],
      ["subnet", "subnets/subnet-show-response.json", `subnets/${subnetId}`],
      ["port", "ports/port-show-response.json", `ports/${port["id"]}`],
      [
        "security_group_rule",
        "security-groups/security-group-rule-show-response.json",
        `security-group-rules/${rule["id"]}`,
      ],
      ["router", "routers/router-show-response.json", `routers/${router["id"]}`],
    ] as const;
    for (const [kind, sample, path] of cases) {
      const answer = await cloud.call("member", "GET", `/network/v2.0/${path}`);
      const wanted = JSON.parse(readFileSync(new URL(sample, samples), "utf8"));
      const except = [
        ...(absent[kind] ?? []),
        ...(kind === "port" ? ["binding:vnic_type"] : []),
        ...(kind === "security_group_rule" ? ["normalized_cidr", "description"] : []),
      ].map((key) => `${kind}.${key}`);
      const differences = sameShape(answer.body, wanted).filter(
        (difference) => !except.some((path) => difference.startsWith(`${path}: `)),
      );
      assert.deepEqual(differences, [], kind);
    }
  }),
);

test("versions are shown to anyone, resources to those with a token", () =>
  withCloud(async ({ call }) => {
    const versions = await call(null, "GET", "/network/");
    assert.deepEqual(versions.body, {
      versions: [
        {
          id: "v2.0",
          status: "CURRENT",
          links: [{ rel: "self", href: "http://127.0.0.1:8774/network/v2.0/" }],
        },
      ],
    });
    assert.equal((await call("member", "GET", "/network/v2.0/")).status, 200);
    assert.equal((await call(null, "GET", "/network/v2.0/networks")).status, 401);
  }));

test("a fresh cloud has a shared network behind a router, and groups open to SSH and ping", () =>
  withCloud(async ({ call }) => {
    const networks = bodyOf(await call("member", "GET", "/network/v2.0/networks?sort_key=name"))["networks"];
    assert.deepEqual(
      (networks as unknown as Json[]).map((network) => [
        network["name"],
        network["shared"],
        network["router:external"],
      ]),
      [
        ["private", true, false],
        ["public", false, true],
      ],
    );
    const rules = await call(
      "member",
      "GET",
      "/network/v2.0/security-group-rules?direction=ingress&ethertype=IPv4",
    );
    const protocols = (bodyOf(rules)["security_group_rules"] as unknown as Json[]).map(
      (rule) => rule["protocol"],
    );
    assert.deepEqual(protocols.toSorted(), ["icmp", null, "tcp"].toSorted());
    const others = await call("other", "GET", "/network/v2.0/security-group-rules?direction=ingress");
    assert.equal((bodyOf(others)["security_group_rules"] as unknown as Json[]).length, 2);
  }));

test("lists filter by any attribute, sort, pick fields and come in pages", () =>
  withCloud(async ({ call, ...cloud }) => {
    for (const name of ["a", "b", "c"]) await make({ call, ...cloud }, "network", { name });
    const names = async (query: string) => {
      const answer = await call("member", "GET", `/network/v2.0/networks?${query}`);
      return (bodyOf(answer)["networks"] as unknown as Json[]).map((network) => network["name"]);
    };

    assert.deepEqual(await names("name=a&name=c&sort_key=name"), ["a", "c"]);
    assert.deepEqual(await names("router:external=True"), ["public"]);
    assert.deepEqual(await names("sort_key=name&sort_dir=desc&limit=2"), ["public", "private"]);
    const page = bodyOf(await call("member", "GET", "/network/v2.0/networks?limit=2&fields=id"));
    assert.equal((page["networks_links"] as unknown as Json[])[0]!["rel"], "next");
    assert.deepEqual(Object.keys((page["networks"] as unknown as Json[])[0]!), ["id"]);
    const next = new URL(String((page["networks_links"] as unknown as Json[])[0]!["href"]));
    const rest = await call("member", "GET", `${next.pathname}${next.search}`);
    assert.equal((bodyOf(rest)["networks"] as unknown as Json[]).length, 2);
    assert.equal((await call("member", "GET", "/network/v2.0/networks?sort_key=nonsense")).status, 400);
    assert.equal((await call("member", "GET", "/network/v2.0/networks?limit=1&marker=x")).status, 400);
  }));

test("another project's things are not found, and what is shared is not changed", () =>
  withCloud(async ({ call, ...cloud }) => {
    const { networkId } = await tenantNetwork({ call, ...cloud });
    const hidden = await call("other", "GET", `/network/v2.0/networks/${networkId}`);
    assert.deepEqual(errorOf(hidden), {
      type: "NetworkNotFound",
      message: `Network ${networkId} could not be found.`,
      detail: "",
    });
    const [shared] = bodyOf(await call("other", "GET", "/network/v2.0/networks?name=private"))[
      "networks"
    ] as unknown as Json[];
    const denied = await call("other", "DELETE", `/network/v2.0/networks/${shared!["id"]}`);
    assert.deepEqual([denied.status, errorOf(denied).type], [403, "PolicyNotAuthorized"]);
    const sharing = await call("member", "POST", "/network/v2.0/networks", {
      body: { network: { shared: true } },
    });
    assert.equal(sharing.status, 403);
    const reader = await call("reader", "POST", "/network/v2.0/networks", { body: { network: {} } });
    assert.equal(reader.status, 403);
    const foreign = { network: { project_id: otherProject } };
    assert.equal((await call("member", "POST", "/network/v2.0/networks", { body: foreign })).status, 400);
    assert.equal((await call("admin", "POST", "/network/v2.0/networks", { body: foreign })).status, 201);
  }));

test("bad input is refused with Neutron's words", () =>
  withCloud(async ({ call, ...cloud }) => {
    const { networkId, subnetId } = await tenantNetwork({ call, ...cloud });
    const [one] = [await make({ call, ...cloud }, "port", { network_id: networkId })];
    const [address] = one["fixed_ips"] as unknown as { ip_address: string }[];
    const subnet = { network_id: networkId, ip_version: 4 };
    const cases: readonly [string, object, number, string][] = [
      ["networks", { network: { nonsense: 1 } }, 400, "HTTPBadRequest"],
      ["networks", { network: { name: 5 } }, 400, "HTTPBadRequest"],
      ["networks", { network: { name: "x".repeat(256) } }, 400, "HTTPBadRequest"],
      ["subnets", { subnet: { ...subnet, cidr: "10.1.0.0/24" } }, 400, "InvalidInput"],
      ["subnets", { subnet: { ...subnet, cidr: "10.2.0/24" } }, 400, "HTTPBadRequest"],
      ["subnets", { subnet: { ...subnet, ip_version: 6, cidr: "fd00::/64" } }, 501, "HTTPNotImplemented"],
      ["subnets", { subnet: { ...subnet, network_id: "x", cidr: "10.2.0.0/24" } }, 404, "NetworkNotFound"],
      ["ports", { port: {} }, 400, "HTTPBadRequest"],
      ["ports", { port: { network_id: "x" } }, 404, "NetworkNotFound"],
      [
        "ports",
        { port: { network_id: networkId, fixed_ips: [{ ip_address: address!.ip_address }] } },
        409,
        "IpAddressAlreadyAllocated",
      ],
      [
        "ports",
        { port: { network_id: networkId, fixed_ips: [{ ip_address: "9.9.9.9" }] } },
        400,
        "InvalidIpForNetwork",
      ],
      ["ports", { port: { network_id: networkId, mac_address: one["mac_address"] } }, 409, "MacAddressInUse"],
      ["security-groups", { security_group: { name: "default" } }, 409, "SecurityGroupDefaultAlreadyExists"],
      ["floatingips", { floatingip: { floating_network_id: "x" } }, 501, "HTTPNotImplemented"],
    ];
    for (const [path, body, status, type] of cases) {
      const answer = await call("member", "POST", `/network/v2.0/${path}`, { body });
      assert.deepEqual([answer.status, errorOf(answer).type], [status, type], JSON.stringify(body));
    }
    const used = await call("member", "DELETE", `/network/v2.0/subnets/${subnetId}`);
    assert.deepEqual([used.status, errorOf(used).type], [409, "SubnetInUse"]);
    const full = await call("member", "DELETE", `/network/v2.0/networks/${networkId}`);
    assert.deepEqual([full.status, errorOf(full).type], [409, "NetworkInUse"]);
  }));

test("addresses are given once, until there are none, and come back with their port", () =>
  withCloud(async ({ call, ...cloud }) => {
    const { networkId } = await tenantNetwork({ call, ...cloud });
    // A /29 has six hosts, one of which is the gateway.
    const ports: Json[] = [];
    for (let n = 0; n < 5; n++) ports.push(await make({ call, ...cloud }, "port", { network_id: networkId }));
    const addresses = ports.map(
      (port) => (port["fixed_ips"] as unknown as { ip_address: string }[])[0]!.ip_address,
    );
    assert.deepEqual(addresses, ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]);
    const none = await call("member", "POST", "/network/v2.0/ports", {
      body: { port: { network_id: networkId } },
    });
    assert.deepEqual([none.status, errorOf(none).type], [409, "IpAddressGenerationFailure"]);
    await call("member", "DELETE", `/network/v2.0/ports/${ports[2]!["id"]}`);
    const again = await make({ call, ...cloud }, "port", { network_id: networkId });
    assert.equal((again["fixed_ips"] as unknown as { ip_address: string }[])[0]!.ip_address, "10.1.0.4");
    const found = await call("member", "GET", "/network/v2.0/ports?fixed_ips=ip_address=10.1.0.4");
    assert.equal((bodyOf(found)["ports"] as unknown as Json[])[0]!["id"], again["id"]);
  }));

test("rules are checked, are there once, and go with their group", () =>
  withCloud(async ({ call, ...cloud }) => {
    const group = await make({ call, ...cloud }, "security_group", { name: "web" });
    const rule = { security_group_id: group["id"], direction: "ingress", protocol: "tcp" };
    await make({ call, ...cloud }, "security_group_rule", {
      ...rule,
      port_range_min: 80,
      port_range_max: 80,
    });
    const cases: readonly [object, number, string][] = [
      [{ ...rule, port_range_min: 80, port_range_max: 80 }, 409, "SecurityGroupRuleExists"],
      [{ ...rule, port_range_min: 90, port_range_max: 80 }, 400, "SecurityGroupInvalidPortRange"],
      [{ ...rule, port_range_min: 1, port_range_max: 70_000 }, 400, "SecurityGroupInvalidPortValue"],
      [
        { ...rule, protocol: null, port_range_min: 1, port_range_max: 2 },
        400,
        "SecurityGroupProtocolRequiredWithPorts",
      ],
      [{ ...rule, protocol: "nonsense" }, 400, "SecurityGroupRuleInvalidProtocol"],
      [{ ...rule, protocol: "300" }, 400, "SecurityGroupRuleInvalidProtocol"],
      [{ ...rule, protocol: "icmp", port_range_min: 256 }, 400, "SecurityGroupInvalidIcmpValue"],
      [{ ...rule, remote_ip_prefix: "fd00::/8" }, 400, "SecurityGroupRuleParameterConflict"],
      [{ ...rule, remote_ip_prefix: "1.2.3.4; drop" }, 400, "HTTPBadRequest"],
      [{ ...rule, remote_group_id: "x" }, 404, "SecurityGroupNotFound"],
      [{ ...rule, security_group_id: "x" }, 404, "SecurityGroupNotFound"],
    ];
    for (const [wanted, status, type] of cases) {
      const body = { security_group_rule: wanted };
      const answer = await call("member", "POST", "/network/v2.0/security-group-rules", { body });
      assert.deepEqual([answer.status, errorOf(answer).type], [status, type], JSON.stringify(wanted));
    }
    const { networkId } = await tenantNetwork({ call, ...cloud });
    const port = await make({ call, ...cloud }, "port", {
      network_id: networkId,
      security_groups: [group["id"]],
    });
    const used = await call("member", "DELETE", `/network/v2.0/security-groups/${group["id"]}`);
    assert.deepEqual([used.status, errorOf(used).type], [409, "SecurityGroupInUse"]);
    await call("member", "DELETE", `/network/v2.0/ports/${port["id"]}`);
    assert.equal(
      (await call("member", "DELETE", `/network/v2.0/security-groups/${group["id"]}`)).status,
      204,
    );
  }));

test("a router gives a tenant's network its way out, and keeps its interface", () =>
  withCloud(async ({ call, ...cloud }) => {
    const { networkId, subnetId } = await tenantNetwork({ call, ...cloud });
    const [external] = bodyOf(await call("member", "GET", "/network/v2.0/networks?router:external=true"))[
      "networks"
    ] as unknown as Json[];
    const info = { network_id: external!["id"] };
    const router = await make({ call, ...cloud }, "router", { name: "r", external_gateway_info: info });
    const added = await call("member", "PUT", `/network/v2.0/routers/${router["id"]}/add_router_interface`, {
      body: { subnet_id: subnetId },
    });
    assert.equal(added.status, 200);
    const direct = await call("member", "DELETE", `/network/v2.0/ports/${bodyOf(added)["port_id"]}`);
    assert.deepEqual([direct.status, errorOf(direct).type], [409, "ServicePortInUse"]);
    const busy = await call("member", "DELETE", `/network/v2.0/routers/${router["id"]}`);
    assert.deepEqual([busy.status, errorOf(busy).type], [409, "RouterInUse"]);
    const wrong = { router: { external_gateway_info: { network_id: networkId } } };
    const refused = await call("member", "PUT", `/network/v2.0/routers/${router["id"]}`, { body: wrong });
    assert.deepEqual([refused.status, errorOf(refused).type], [400, "BadRequest"]);
    const taken = await call(
      "member",
      "PUT",
      `/network/v2.0/routers/${router["id"]}/remove_router_interface`,
      {
        body: { subnet_id: subnetId },
      },
    );
    assert.equal(taken.status, 200);
    assert.equal((await call("member", "DELETE", `/network/v2.0/routers/${router["id"]}`)).status, 204);
    assert.equal((await call("member", "DELETE", `/network/v2.0/networks/${networkId}`)).status, 204);
  }));

test("a project over its quota is refused and keeps what it has", () =>
  withCloud(async ({ call, ...cloud }) => {
    const quota = { quota: { network: 1 } };
    await call("admin", "PUT", `/network/v2.0/quotas/${member.projectId}`, { body: quota });
    await make({ call, ...cloud }, "network", { name: "one" });
    const over = await call("member", "POST", "/network/v2.0/networks", {
      body: { network: { name: "two" } },
    });
    assert.deepEqual(errorOf(over), {
      type: "OverQuota",
      message: "Quota exceeded for resources: ['network'].",
      detail: "",
    });
    const details = await call("member", "GET", `/network/v2.0/quotas/${member.projectId}/details.json`);
    assert.deepEqual(bodyOf(details)["quota"]!["network"], { limit: 1, used: 1, reserved: 0 });
    assert.equal(
      (await call("member", "PUT", `/network/v2.0/quotas/${member.projectId}`, { body: quota })).status,
      403,
    );
  }));

test("agents, zones, extensions, availabilities and tags are there", () =>
  withCloud(async ({ call, ...cloud }) => {
    const agents = bodyOf(await call("admin", "GET", "/network/v2.0/agents"))["agents"] as unknown as Json[];
    assert.deepEqual(
      agents.map((agent) => [agent["host"], agent["alive"]]),
      [["h1", true]],
    );
    assert.equal((await call("member", "GET", "/network/v2.0/agents")).status, 403);
    assert.equal((await call("member", "GET", "/network/v2.0/availability_zones")).status, 200);
    assert.equal((await call("member", "GET", "/network/v2.0/extensions/router")).status, 200);
    assert.equal((await call("member", "GET", "/network/v2.0/extensions/dvr")).status, 404);
    assert.equal((await call("admin", "GET", "/network/v2.0/network-ip-availabilities")).status, 200);
    const { networkId } = await tenantNetwork({ call, ...cloud });
    const tags = `/network/v2.0/networks/${networkId}/tags`;
    assert.equal((await call("member", "PUT", `${tags}/red`)).status, 201);
    assert.equal((await call("member", "GET", `${tags}/red`)).status, 204);
    const tagged = await call("member", "GET", "/network/v2.0/networks?tags=red");
    assert.equal((bodyOf(tagged)["networks"] as unknown as Json[]).length, 1);
    assert.equal((await call("member", "DELETE", `${tags}/blue`)).status, 404);
  }));

test("a network's mtu is taken as a number and as text, within what a frame holds", () =>
  withCloud(async (cloud) => {
    const network = await make(cloud, "network", { name: "blue", mtu: "1400" });
    const set = (mtu: unknown) =>
      cloud.call("member", "PUT", `/network/v2.0/networks/${network["id"]}`, { body: { network: { mtu } } });

    assert.equal(network["mtu"], 1400);
    assert.equal(bodyOf(await set("1300"))["network"]!["mtu"], 1300);
    assert.equal(errorOf(await set("20")).message.includes("'20' is too small"), true);
    assert.equal((await set("big")).status, 400);
  }));
