// The files of a config drive: what the metadata service would answer, written down once.
import { Buffer } from "node:buffer";
import { type Ec2Directory, type Ec2Node, ec2Tree } from "./ec2.ts";
import type { Guest } from "./guest.ts";
import { openstackFiles, openstackVersions, userDataOf } from "./openstack.ts";

/** EC2 versions on the drive: Nova's default skips all others. */
const ec2OnDrive = ["2009-04-04", "latest"] as const;

/** By path, base64, as the driver takes them. `seed` stays the same on all of the drive. */
export function configDriveFiles(guest: Guest, seed: Uint8Array): Record<string, string> {
  const files: Record<string, string> = {};
  const put = (path: string, content: Buffer) => {
    files[path] = content.toString("base64");
  };
  for (const version of openstackVersions)
    for (const file of openstackFiles(guest, version, () => seed))
      put(`openstack/${version}/${file.name}`, file.content());
  const userData = userDataOf(guest);
  for (const version of ec2OnDrive) {
    const tree = withoutNames(ec2Tree(guest, version));
    put(`ec2/${version}/meta-data.json`, Buffer.from(JSON.stringify(tree)));
    if (userData !== null) put(`ec2/${version}/user-data`, userData);
  }
  return files;
}

/** In the JSON form `0=name` is only `0`. */
function withoutNames(directory: Ec2Directory): Ec2Directory {
  const entries = Object.entries(directory).map(([name, node]): [string, Ec2Node] => [
    name.split("=")[0]!,
    typeof node === "object" && !Array.isArray(node) ? withoutNames(node as Ec2Directory) : node,
  ]);
  return Object.fromEntries(entries);
}
