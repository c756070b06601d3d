// Every answer about servers is held against the published samples, at each microversion that has one.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sameShape } from "@micronova/http/testing";
import { type TestCloud, testCloud } from "../testing.ts";

const samples = join(import.meta.dirname, "../../../../shared/api/samples/compute");
const skip = existsSync(samples) ? false : "the published samples are not beside the repository";

/** Versions that have a sample of this name in the folder, 2.1 for the one without a version. */
function versionsOf(folder: string, file: string): string[] {
  const names = ["", ...readdirSync(join(samples, folder)).filter((name) => name.startsWith("v2."))];
  return names
    .filter((name) => existsSync(join(samples, folder, name, file)))
    .map((name) => (name === "" ? "2.1" : name.slice(1)));
}

function sample(folder: string, file: string, version: string): unknown {
  const name = version === "2.1" ? "" : `v${version}`;
  return JSON.parse(readFileSync(join(samples, folder, name, file), "utf8"));
}

let cloud: TestCloud;
let id: string;
let volumeId: string;

before(async () => {
  if (skip !== false) return;
  cloud = await testCloud();
  const wanted = { metadata: { "My Server Name": "Apache1" }, accessIPv4: "1.2.3.4" };
  // Lists show the caller's project; samples were taken as an administrator or as a member.
  await cloud.reaches(await cloud.boot(wanted, "admin"), "ACTIVE");
  id = await cloud.boot(wanted);
  await cloud.reaches(id, "ACTIVE");
  volumeId = await cloud.volume();
  const body = { volumeAttachment: { volumeId } };
  await cloud.ask({ method: "POST", path: `/servers/${id}/os-volume_attachments`, body });
  await cloud.until("the volume is there", async () => {
    const { body: shown } = await cloud.ask({ path: `/servers/${id}/os-instance-actions` });
    const actions = (shown as { instanceActions: { action: string }[] }).instanceActions;
    return actions.some(({ action }) => action === "attach_volume");
  });
});
after(() => cloud?.stop());

interface Golden {
  readonly folder: string;
  readonly file: string;
  readonly path: () => string;
  readonly except?: readonly string[];
  /** Versions whose sample shows something else: a cell that is down, a member's view. */
  readonly unlike?: readonly string[];
}

const goldens: readonly Golden[] = [
  { folder: "servers", file: "server-get-resp.json", path: () => `/servers/${id}`, unlike: ["2.69"] },
  {
    folder: "servers",
    file: "servers-list-resp.json",
    path: () => "/servers?limit=1",
    unlike: ["2.69"],
  },
  {
    folder: "servers",
    file: "servers-details-resp.json",
    path: () => "/servers/detail?limit=1",
    unlike: ["2.69"],
    except: ["servers_links"],
  },
  {
    folder: "os-volume_attachments",
    file: "list-volume-attachments-resp.json",
    path: () => `/servers/${id}/os-volume_attachments`,
  },
  {
    folder: "os-volume_attachments",
    file: "volume-attachment-detail-resp.json",
    path: () => `/servers/${id}/os-volume_attachments/${volumeId}`,
  },
  {
    folder: "os-instance-actions",
    file: "instance-actions-list-resp.json",
    path: () => `/servers/${id}/os-instance-actions`,
    except: ["links"],
  },
  {
    folder: "os-attach-interfaces",
    file: "attach-interfaces-list-resp.json",
    path: () => `/servers/${id}/os-interface`,
  },
  {
    folder: "server-metadata",
    file: "server-metadata-all-resp.json",
    path: () => `/servers/${id}/metadata`,
    except: ["metadata.foo", "metadata.My Server Name"],
  },
];

for (const golden of goldens) {
  const versions = skip === false ? versionsOf(golden.folder, golden.file) : [];
  for (const version of versions.filter((one) => !golden.unlike?.includes(one))) {
    test(`${golden.folder}/${golden.file} at ${version}`, async () => {
      const expected = sample(golden.folder, golden.file, version);

      const { status, body } = await cloud.ask({ path: golden.path(), version, token: tokenFor(expected) });

      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(sameShape(body, expected, { except: golden.except ?? [] }), []);
    });
  }
}
test("samples are there", { skip }, () => assert(goldens.length > 0));

/** Samples were taken as an administrator, or as a member where the administrators' fields are missing. */
function tokenFor(expected: unknown): string {
  const text = JSON.stringify(expected);
  return text.includes("OS-EXT-STS:vm_state") && !text.includes('OS-EXT-SRV-ATTR:host"') ? "member" : "admin";
}
