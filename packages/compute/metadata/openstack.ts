// The OpenStack tree of a guest's metadata. The metadata service and the config drive show the same files,
// made here.
import { Buffer } from "node:buffer";
import type { Guest } from "./guest.ts";
import { networkData } from "./network-data.ts";

/** Versions by the date they were named after; each has everything of those before it. */
export const openstackVersions = [
  "2012-08-10",
  "2013-04-04",
  "2013-10-17",
  "2015-10-15",
  "2016-06-30",
  "2016-10-06",
  "2017-02-22",
  "2018-08-27",
  "2020-10-14",
  "2025-04-04",
  "latest",
] as const;
export type OpenstackVersion = (typeof openstackVersions)[number];

export interface TreeFile {
  readonly name: string;
  readonly contentType: "application/json" | "text/plain; charset=utf-8" | "application/octet-stream";
  content(): Buffer;
}

/** Dates sort as text, and `latest` after them all. */
const has = (version: OpenstackVersion, since: OpenstackVersion) => version >= since;

/** The files of a version, in the order that its listing shows. `seed` is asked for anew at each reading. */
export function openstackFiles(guest: Guest, version: OpenstackVersion, seed: () => Uint8Array): TreeFile[] {
  const json = (name: string, make: () => object): TreeFile => ({
    name,
    contentType: "application/json",
    content: () => Buffer.from(JSON.stringify(make())),
  });
  const files = [json("meta_data.json", () => metaData(guest, version, seed()))];
  const userData = userDataOf(guest);
  if (userData !== null)
    files.push({ name: "user_data", contentType: "application/octet-stream", content: () => userData });
  if (has(version, "2013-10-17")) files.push(json("vendor_data.json", () => ({})));
  if (has(version, "2015-10-15")) files.push(json("network_data.json", () => networkData(guest)));
  if (has(version, "2016-10-06")) files.push(json("vendor_data2.json", () => ({ static: {} })));
  return files;
}

export function userDataOf({ server }: Pick<Guest, "server">): Buffer | null {
  return server.user_data === null || server.user_data === ""
    ? null
    : Buffer.from(server.user_data, "base64");
}

function metaData(guest: Guest, version: OpenstackVersion, seed: Uint8Array): object {
  const { server, key, metadata } = guest;
  return {
    uuid: server.id,
    ...(Object.keys(metadata).length === 0 ? {} : { meta: metadata }),
    ...(key === null
      ? {}
      : {
          public_keys: { [key.name]: key.public_key },
          keys: [{ name: key.name, type: key.type, data: key.public_key }],
        }),
    hostname: guest.hostname,
    name: server.name,
    launch_index: server.launch_index,
    availability_zone: server.availability_zone,
    ...(has(version, "2013-04-04") ? { random_seed: Buffer.from(seed).toString("base64") } : {}),
    ...(has(version, "2015-10-15") ? { project_id: server.project_id } : {}),
    ...(has(version, "2016-06-30") ? { devices: devices(guest) } : {}),
    ...(has(version, "2020-10-14") ? { dedicated_cpus: [] } : {}),
  };
}

/** Only devices with a tag are listed: without one the guest could not tell what they are for. */
function devices({ ports, volumes }: Guest): object[] {
  const cards = ports
    .filter(({ tag }) => tag !== null)
    .map((port) => ({ type: "nic", bus: "none", address: "", mac: port.mac_address, tags: [port.tag] }));
  const disks = volumes
    .filter(({ tag }) => tag !== null)
    .map((volume) => ({
      type: "disk",
      bus: "none",
      address: "",
      serial: volume.volume_id,
      path: volume.device_name ?? "",
      tags: [volume.tag],
    }));
  return [...cards, ...disks];
}
