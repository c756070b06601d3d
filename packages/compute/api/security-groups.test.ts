// Groups that servers join and leave as the stock client asks for it: found here by name, then named by id.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testAuthenticator, testServer } from "@micronova/http/testing";
import { networkService } from "@micronova/network";
import { type TestCloud, testCloud } from "../testing.ts";

interface Group {
  readonly id: string;
  readonly name: string;
}

async function makeGroup({ platform, store }: TestCloud, name: string): Promise<Group> {
  const authenticator = testAuthenticator();
  const { call } = testServer(platform, { "/network": networkService({ platform, store, authenticator }) });
  const body = { security_group: { name } };
  const made = await call("member", "POST", "/network/v2.0/security-groups", { body });
  return (made.body as { security_group: Group }).security_group;
}

const namesOf = (server: object) =>
  (server as { security_groups: Group[] }).security_groups.map(({ name }) => name);

test("a server shows its groups by name, however they were named", async () => {
  const cloud = await testCloud();
  const [web, db] = [await makeGroup(cloud, "web"), await makeGroup(cloud, "db")];
  const id = await cloud.boot({ security_groups: [{ name: web.id }] });
  const act = (action: string, name: string) =>
    cloud.ask({ method: "POST", path: `/servers/${id}/action`, body: { [action]: { name } } });

  assert.deepEqual(namesOf(await cloud.reaches(id, "ACTIVE")), ["web"]);
  assert.equal((await act("addSecurityGroup", db.id)).status, 202);
  assert.equal((await act("addSecurityGroup", "db")).status, 202);
  assert.deepEqual(namesOf(await cloud.reaches(id, "ACTIVE")), ["web", "db"]);
  assert.equal((await act("removeSecurityGroup", "web")).status, 202);
  assert.equal((await act("removeSecurityGroup", web.id)).status, 404);
  assert.deepEqual(namesOf(await cloud.reaches(id, "ACTIVE")), ["db"]);
  await cloud.assertInvariants();
  await cloud.stop();
});

test("the project's groups are listed until 2.35, and another project's are not there", async () => {
  const cloud = await testCloud();
  const web = await makeGroup(cloud, "web");
  const path = "/os-security-groups";

  const list = await cloud.ask({ path });
  const groups = (list.body as { security_groups: Group[] }).security_groups;
  const foreign = await cloud.ask({ path, token: "admin" });

  assert.deepEqual(groups.map(({ name }) => name).toSorted(), ["default", "web"]);
  assert.equal((foreign.body as { security_groups: Group[] }).security_groups.some(isWeb), false);
  assert.equal((await cloud.ask({ path: `${path}/${web.id}` })).status, 200);
  assert.equal((await cloud.ask({ path: `${path}/web` })).status, 404);
  assert.equal((await cloud.ask({ path, version: "2.36" })).status, 404);
  await cloud.stop();
});

const isWeb = ({ name }: Group) => name === "web";
