// What the metadata service answers to a guest's request for a path. Pure but for the reading of the seed.
import { Buffer } from "node:buffer";
import { type Ec2Version, ec2Answer, ec2Tree, ec2Versions } from "./ec2.ts";
import type { Guest } from "./guest.ts";
import { type OpenstackVersion, openstackFiles, openstackVersions, userDataOf } from "./openstack.ts";

export interface MetadataAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

const plain = "text/plain; charset=utf-8";

const text = (body: string): MetadataAnswer => ({ status: 200, contentType: plain, body: Buffer.from(body) });

export const notFound: MetadataAnswer = {
  status: 404,
  contentType: plain,
  body: Buffer.from("404 Not Found"),
};

export function answerMetadata(guest: Guest, path: string, seed: () => Uint8Array): MetadataAnswer {
  const parts = path
    .split("?")[0]!
    .split("/")
    .filter((part) => part !== "");
  const [tree, ...rest] = parts;
  if (tree === "openstack") return openstackAnswer(guest, rest, seed);
  return ec2PathAnswer(guest, tree === "ec2" ? rest : parts);
}

function openstackAnswer(guest: Guest, parts: readonly string[], seed: () => Uint8Array): MetadataAnswer {
  const [version, name, ...rest] = parts;
  if (version === undefined) return text(openstackVersions.join("\n"));
  if (!isOpenstackVersion(version) || rest.length > 0) return notFound;
  const files = openstackFiles(guest, version, seed);
  const names = files.map((file) => file.name);
  // The password is a place to write to, not a file of the drive.
  const isUserDataFirst = names.includes("user_data");
  if (version >= "2013-04-04") names.splice(isUserDataFirst ? 2 : 1, 0, "password");
  if (name === undefined) return text(names.join("\n"));
  const file = files.find((one) => one.name === name);
  return file === undefined ? notFound : { status: 200, contentType: file.contentType, body: file.content() };
}

function ec2PathAnswer(guest: Guest, parts: readonly string[]): MetadataAnswer {
  const [version, branch, ...rest] = parts;
  if (version === undefined) return text(ec2Versions.join("\n"));
  if (!isEc2Version(version)) return notFound;
  const userData = userDataOf(guest);
  if (branch === undefined) return text(userData === null ? "meta-data/" : "meta-data/\nuser-data");
  if (branch === "user-data" && userData !== null && rest.length === 0)
    return { status: 200, contentType: "application/octet-stream", body: userData };
  if (branch !== "meta-data") return notFound;
  const found = ec2Answer(ec2Tree(guest, version), rest);
  return found === null ? notFound : text(found);
}

const isOpenstackVersion = (version: string): version is OpenstackVersion =>
  openstackVersions.some((known) => known === version);
const isEc2Version = (version: string): version is Ec2Version =>
  ec2Versions.some((known) => known === version);
