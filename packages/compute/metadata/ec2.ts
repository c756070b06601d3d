// The EC2 tree of a guest's metadata, which old images still ask for.
import type { Guest } from "./guest.ts";

export const ec2Versions = [
  "1.0",
  "2007-01-19",
  "2007-03-01",
  "2007-08-29",
  "2007-10-10",
  "2007-12-15",
  "2008-02-01",
  "2008-09-01",
  "2009-04-04",
  "latest",
] as const;
export type Ec2Version = (typeof ec2Versions)[number];

/** Text is a leaf, a list its lines, an object a directory. */
export type Ec2Node = string | readonly string[] | Ec2Directory;
export interface Ec2Directory {
  readonly [name: string]: Ec2Node;
}

const has = (version: Ec2Version, since: Ec2Version) =>
  ec2Versions.indexOf(version) >= ec2Versions.indexOf(since);

export function ec2Tree(guest: Guest, version: Ec2Version): Ec2Directory {
  const { server, hostname } = guest;
  const digits = server.id.slice(0, 8);
  const address = guest.ports
    .flatMap(({ fixed_ips }) => fixed_ips)
    .find(({ ip_address }) => ip_address.includes("."));
  return {
    "ami-id": `ami-${(server.image_id ?? "00000000").slice(0, 8)}`,
    "ami-launch-index": String(server.launch_index),
    "ami-manifest-path": "none",
    "instance-id": `i-${digits}`,
    hostname,
    "local-ipv4": address?.ip_address ?? "",
    "reservation-id": server.reservation_id,
    "security-groups": guest.securityGroups,
    ...(guest.key === null ? {} : { "public-keys": keys(guest.key) }),
    ...(has(version, "2007-01-19")
      ? { "local-hostname": hostname, "public-hostname": hostname, "public-ipv4": "" }
      : {}),
    ...(has(version, "2007-08-29") ? { "instance-type": guest.flavor.name } : {}),
    ...(has(version, "2007-12-15") ? disks(guest) : {}),
    ...(has(version, "2008-02-01")
      ? { placement: { "availability-zone": server.availability_zone ?? "" } }
      : {}),
    ...(has(version, "2008-09-01") ? { "instance-action": "none" } : {}),
  };
}

/**
 * The listing of `public-keys/` shows `0=<name>`; what is under `public-keys/0/` goes by the number alone.
 */
function keys(key: NonNullable<Guest["key"]>): Ec2Directory {
  return { [`0=${key.name}`]: { "openssh-key": key.public_key } };
}

function disks({ server, volumes }: Guest): Ec2Directory {
  const root = server.root_device_name ?? "/dev/vda";
  const attached = volumes.filter(({ boot_index }) => boot_index !== 0);
  const ebs = attached.map(({ device_name }, at) => [`ebs${at}`, device_name ?? ""] as const);
  return {
    "block-device-mapping": { ami: root.replace("/dev/", ""), root, ...Object.fromEntries(ebs) },
    ...(server.kernel_id === null ? {} : { "kernel-id": `aki-${server.kernel_id.slice(0, 8)}` }),
    ...(server.ramdisk_id === null ? {} : { "ramdisk-id": `ari-${server.ramdisk_id.slice(0, 8)}` }),
  };
}

/** What a path below the tree answers: a leaf's text or a directory's listing; null when there is nothing. */
export function ec2Answer(tree: Ec2Directory, path: readonly string[]): string | null {
  let node: Ec2Node = tree;
  for (const part of path) {
    if (typeof node === "string" || isList(node)) return null;
    const found: Ec2Node | undefined = child(node, part);
    if (found === undefined) return null;
    node = found;
  }
  if (typeof node === "string") return node;
  if (isList(node)) return node.join("\n");
  return listing(node);
}

const isList = (node: Ec2Node): node is readonly string[] => Array.isArray(node);

function child(directory: Ec2Directory, name: string): Ec2Node | undefined {
  if (Object.hasOwn(directory, name)) return directory[name];
  const named = Object.keys(directory).find((key) => key.startsWith(`${name}=`));
  return named === undefined ? undefined : directory[named];
}

function listing(directory: Ec2Directory): string {
  const lines = Object.entries(directory).map(([name, node]) =>
    typeof node === "string" || isList(node) || name.includes("=") ? name : `${name}/`,
  );
  return lines.join("\n");
}
