// What a request to boot means: the flavor, image, key and zone it names, looked up and held against each
// other. Nothing is written here; what is wrong is said in Nova's words before anything exists.
import { type Image, imageErrors, images } from "@micronova/image";
import type { RequestContext, Uuid } from "@micronova/kit";
import { isFault, isUuid } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { isKnownZone } from "./availability-zones.ts";
import { errors } from "./errors.ts";
import { flavorForBoot } from "./flavors.ts";
import { computeBinary } from "./hosts.ts";
import { keyForBoot } from "./keypairs.ts";
import type { CreateServer } from "./server-create.ts";
import { findServerGroup } from "./server-groups.ts";
import type { FlavorCopy } from "./tables.ts";

export interface Boot {
  readonly flavor: FlavorCopy;
  /** Null when the server boots from a volume. */
  readonly image: Image | null;
  readonly key: { readonly name: string; readonly type: string; readonly public_key: string } | null;
  readonly zone: string | null;
  /** Only there, without filters. */
  readonly forceHost: string | null;
  /** Only there, with filters. */
  readonly requestedHost: string | null;
}

export async function resolveBoot(read: Tx, context: RequestContext, wanted: CreateServer): Promise<Boot> {
  checkUserData(wanted.user_data);
  const flavor = await flavorForBoot(read, context, wanted.flavorRef);
  if (flavor === null) throw errors.flavorNotFound(wanted.flavorRef);
  const image = await imageOf(read, context, wanted);
  if (image !== null) checkFit(flavor, image);
  const key = wanted.key_name === null ? null : await keyForBoot(read, context, wanted.key_name);
  if (key === null && wanted.key_name !== null) throw errors.keyNotFound(wanted.key_name);
  const group = groupOf(wanted.hints);
  if (group !== null && (await findServerGroup(read, context, group)) === null)
    throw errors.noSuchGroup(group);
  return { flavor, image, key, ...(await whereTo(read, context, wanted)) };
}

/** The group that the hints name; clients give one or a list of one. */
export function groupOf(hints: Readonly<Record<string, unknown>>): Uuid | null {
  const group: unknown = Array.isArray(hints["group"]) ? hints["group"][0] : hints["group"];
  return typeof group === "string" ? group : null;
}

async function imageOf(read: Tx, context: RequestContext, wanted: CreateServer): Promise<Image | null> {
  const bootsFromVolume = wanted.volumes.some(({ bootIndex }) => bootIndex === 0);
  if (wanted.imageRef === null || wanted.imageRef === "") {
    if (!bootsFromVolume) throw errors.imageMissing();
    return null;
  }
  // Nova also takes the image's address, of which only the last part counts.
  const id: Uuid = wanted.imageRef.split("/").at(-1) ?? "";
  if (!isUuid(id)) throw errors.imageMissing();
  const image = await visibleImage(read, context, id);
  const isActive = image.status === "active";
  if (!isActive) throw errors.imageNotActive(id);
  return bootsFromVolume ? null : image;
}

async function visibleImage(read: Tx, context: RequestContext, id: Uuid): Promise<Image> {
  try {
    return await images.get(read, context, id);
  } catch (error) {
    throw isFault(error, imageErrors.imageNotFound) ? errors.imageNotFound(id) : error;
  }
}

const bytesPerGb = 1_073_741_824;

function checkFit(flavor: FlavorCopy, image: Image): void {
  if (image.min_ram > flavor.ram) throw errors.flavorMemoryTooSmall();
  // A flavor without a root disk takes the image's own size.
  if (flavor.disk === 0) return;
  const flavorBytes = flavor.disk * bytesPerGb;
  const imageBytes = image.virtual_size ?? image.size ?? 0;
  if (imageBytes > flavorBytes) throw errors.flavorDiskTooSmall(flavorBytes, imageBytes);
  if (image.min_disk > flavor.disk)
    throw errors.flavorDiskBelowMinimum(flavorBytes, image.min_disk * bytesPerGb);
}

function checkUserData(userData: string | null): void {
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
  if (userData !== null && !isBase64.test(userData.replaceAll(/\s/g, ""))) throw errors.userDataMalformed();
}

/** `zone`, `zone:host` or `zone:host:node`; hosts are for administrators. */
async function whereTo(
  read: Tx,
  context: RequestContext,
  wanted: CreateServer,
): Promise<Pick<Boot, "zone" | "forceHost" | "requestedHost">> {
  const [zone = "", host = "", node = ""] = (wanted.availability_zone ?? "").split(":");
  const forceHost = host === "" ? (node === "" ? null : node) : host;
  const requestedHost = wanted.host ?? wanted.hypervisor_hostname;
  if (forceHost !== null && !context.isAdmin)
    throw errors.onlyAdmin("os_compute_api:servers:create:forced_host");
  if (requestedHost !== null && !context.isAdmin)
    throw errors.onlyAdmin("compute:servers:create:requested_destination");
  if (forceHost !== null && requestedHost !== null) throw errors.zoneAndHost();
  for (const named of [forceHost, requestedHost])
    if (named !== null && !(await isHost(read, named))) throw errors.hostNotFound(named);
  if (zone !== "" && !(await isKnownZone(read, zone))) throw errors.zoneNotAvailable(zone);
  return { zone: zone === "" ? null : zone, forceHost, requestedHost };
}

async function isHost(read: Tx, host: string): Promise<boolean> {
  const found = await read
    .selectFrom("compute_services")
    .select("id")
    .where("binary", "=", computeBinary)
    .where("host", "=", host)
    .executeTakeFirst();
  return found !== undefined;
}
