// When nothing is under way: every table sound, and what the hosts really have is what the tables say.
import { violations } from "@micronova/cloud";
import type { Millis } from "@micronova/kit";
import { quietSagaInvariants } from "@micronova/saga";
import type { Host, SimulatedCloud } from "./cloud.ts";

// Everything has a deadline; the longest are those of a step (ten minutes) and of hosts that are away.
const quietWithinMs: Millis = 45 * 60_000;
const lookEveryMs: Millis = 1_000;
// What is repaired by those who look from time to time: reports of hosts, orphans, doomed volumes.
const repairsMs: Millis = 80_000;
// The watch asks the hosts every five minutes, and mends what it finds twice.
const watchMs: Millis = 12 * 60_000;

/** Waits until nothing is under way; answers how long that took, or what did not come to its end. */
export async function untilQuiet(
  cloud: SimulatedCloud,
): Promise<{ readonly ms: Millis; readonly stuck: readonly string[] }> {
  const { clock } = cloud.world;
  const begun = clock.now();
  let stuck = await underWay(cloud);
  while (stuck.length > 0 && clock.now() - begun < quietWithinMs) {
    await cloud.run(lookEveryMs);
    stuck = await underWay(cloud);
  }
  return { ms: clock.now() - begun, stuck };
}

/** What is wrong and stays so: what the watch mends in its time does not. */
export async function lastingFindings(cloud: SimulatedCloud): Promise<readonly string[]> {
  const found = await findings(cloud);
  return found.length === 0 ? found : findings(cloud, watchMs);
}

/** What is wrong although nothing is under way, after so long for repairs: a sentence for each. */
export async function findings(cloud: SimulatedCloud, afterMs = repairsMs): Promise<readonly string[]> {
  // Files that nobody needs are removed at its start, and later once in a while.
  cloud.process("api").kill();
  cloud.process("api").start();
  await cloud.run(afterMs);
  const perHost = await Promise.all(cloud.hosts.map((host) => hostFindings(cloud, host)));
  return [
    ...(await violations(cloud.store)),
    ...(await unexplained(cloud)),
    ...perHost.flat(),
    ...(await volumeFindings(cloud)),
    ...(await imageFindings(cloud)),
    ...(await copyFindings(cloud)),
  ];
}

/** What is under way: a sentence for each. */
export async function underWay({
  store: { read },
}: Pick<SimulatedCloud, "store">): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { find } of quietSagaInvariants) for (const { text } of await find(read)) found.push(text);
  const busy = await read
    .selectFrom("servers")
    .select(["id", "vm_state", "task_state"])
    .where("deleted_at", "is", null)
    .where((is) => is.or([is("task_state", "is not", null), is("vm_state", "=", "building")]))
    .execute();
  const moving = await read
    .selectFrom("volumes")
    .select(["id", "status"])
    .where("status", "in", ["creating", "deleting", "extending", "attaching", "detaching", "reserved"])
    .execute();
  const saving = await read.selectFrom("images").select("id").where("status", "=", "saving").execute();
  return [
    ...found,
    ...busy.map(({ id, vm_state, task_state }) => `Server ${id} is ${vm_state}, ${task_state}.`),
    ...moving.map(({ id, status }) => `Volume ${id} is ${status}.`),
    ...saving.map(({ id }) => `Image ${id} is being uploaded.`),
  ];
}

/** Nothing is in error without a word why. */
export async function unexplained({
  store: { read },
}: Pick<SimulatedCloud, "store">): Promise<readonly string[]> {
  const servers = await read
    .selectFrom("servers")
    .select(["id", "fault"])
    .where("deleted_at", "is", null)
    .where("vm_state", "=", "error")
    .execute();
  const volumes = await read
    .selectFrom("volumes")
    .leftJoin("volume_messages", "volume_messages.volume_id", "volumes.id")
    .select(["volumes.id", "volume_messages.id as message"])
    .where("volumes.status", "in", ["error", "error_deleting", "error_extending"])
    .execute();
  return [
    ...servers
      .filter(({ fault }) => ((JSON.parse(fault ?? "{}") as { message?: string }).message ?? "") === "")
      .map(({ id }) => `Server ${id} is in error without a fault.`),
    ...volumes
      .filter(({ message }) => message === null)
      .map(({ id }) => `Volume ${id} is in error without a message.`),
  ];
}

/**
 * What hosts keep of servers that were moved: one copy of each that may still go back. A deletion that failed
 * has removed a part: its server is in error until it is deleted again.
 */
async function copyFindings(cloud: SimulatedCloud): Promise<string[]> {
  const { read } = cloud.store;
  const failed = await read.selectFrom("servers").select("id").where("vm_state", "=", "error").execute();
  const isVague = (serverId: string) => failed.some(({ id }) => id === serverId);
  const all = await read
    .selectFrom("server_migrations")
    .select(["id", "server_id", "source_compute"])
    .where("status", "=", "finished")
    .execute();
  const rows = all.filter(({ server_id }) => !isVague(server_id));
  const kept = await Promise.all(
    cloud.hosts.map(async ({ name, virt }) => {
      const copies = (await virt.migration?.copies()) ?? [];
      const known = copies.filter(({ serverId }) => !isVague(serverId));
      return known.map(({ copy }) => `${copy} on ${name}`);
    }),
  );
  const told = rows.map(({ id, source_compute }) => `${id} on ${source_compute}`);
  return unlike("copies of moved servers", kept.flat(), told);
}

/** The power a guest has by what the tables say of its server. One in error may be in any, or have none. */
const powerOf: Readonly<Record<string, string>> = {
  active: "running",
  stopped: "shutdown",
  paused: "paused",
  suspended: "suspended",
};

async function hostFindings(cloud: SimulatedCloud, { name, virt, network }: Host): Promise<string[]> {
  const { read } = cloud.store;
  const servers = await read
    .selectFrom("servers")
    .select(["id", "vm_state"])
    .where("host", "=", name)
    .where("deleted_at", "is", null)
    .execute();
  const disks = await read.selectFrom("block_device_mappings").select(["server_id", "volume_id"]).execute();
  const cards = await read.selectFrom("server_interfaces").select(["server_id", "port_id"]).execute();
  const bound = await read
    .selectFrom("ports")
    .select(["id", "device_id"])
    .where("binding_host", "=", name)
    .execute();
  const guests = new Map((await virt.list()).map((guest) => [guest.serverId, guest]));
  const found: string[] = [];
  for (const { id, vm_state } of servers) {
    const guest = guests.get(id);
    guests.delete(id);
    const power = powerOf[vm_state];
    if (guest === undefined) {
      if (power !== undefined) found.push(`Server ${id} is ${vm_state}, and ${name} has no guest of it.`);
      continue;
    }
    if (power !== undefined && guest.power !== power)
      found.push(`Server ${id} is ${vm_state}, and its guest is ${guest.power}.`);
    const own = (rows: readonly { server_id: string }[]) => rows.filter(({ server_id }) => server_id === id);
    const volumes = own(disks).map((row) => (row as (typeof disks)[number]).volume_id);
    const ports = own(cards).map((row) => (row as (typeof cards)[number]).port_id);
    found.push(...unlike(`volumes of server ${id}`, guest.volumes, volumes));
    found.push(...unlike(`ports of server ${id}`, guest.ports, ports));
  }
  for (const id of guests.keys()) found.push(`${name} runs a guest of server ${id}, which is not there.`);
  // A deletion that failed has undone a part: its server is in error until it is deleted again.
  const isVague = ({ device_id }: { device_id: string }) =>
    servers.some(({ id, vm_state }) => id === device_id && vm_state === "error");
  const vague = new Set(bound.filter(isVague).map(({ id }) => id));
  const taps = (await network.list()).filter((id) => !vague.has(id));
  return [
    ...found,
    ...unlike(
      `taps of ${name}`,
      taps,
      bound.map(({ id }) => id).filter((id) => !vague.has(id)),
    ),
  ];
}

async function volumeFindings({ store: { read }, volumes: driver }: SimulatedCloud): Promise<string[]> {
  const rows = await read.selectFrom("volumes").select(["id", "status", "size"]).execute();
  const attachments = await read
    .selectFrom("volume_attachments")
    .leftJoin("servers", "servers.id", "volume_attachments.server_id")
    .select(["volume_attachments.volume_id", "volume_attachments.host", "servers.vm_state"])
    .where("volume_attachments.owner", "=", "compute")
    .execute();
  const bytes = new Map((await driver.list()).map(({ volumeId, sizeGb }) => [volumeId, sizeGb]));
  const found: string[] = [];
  for (const { id, status, size } of rows) {
    const sizeGb = bytes.get(id);
    bytes.delete(id);
    const isFailed = status.startsWith("error");
    if (status === "error" && sizeGb !== undefined) found.push(`Volume ${id} was not made, and has bytes.`);
    if (!isFailed && sizeGb !== size)
      found.push(`Volume ${id} is ${status} with ${size} GB, really ${sizeGb}.`);
    const own = attachments.filter(({ volume_id }) => volume_id === id);
    if (own.some(({ vm_state }) => vm_state === "error")) continue;
    const hosts = own.map(({ host }) => host ?? "");
    found.push(...unlike(`exports of volume ${id}`, driver.exports(id), hosts));
  }
  for (const id of bytes.keys()) found.push(`There are bytes of volume ${id}, which is not there.`);
  return found;
}

async function imageFindings(cloud: SimulatedCloud): Promise<string[]> {
  const { store, imageId } = cloud;
  const rows = await store.read.selectFrom("images").select("id").where("path", "is not", null).execute();
  const wanted = rows.map(({ id }) => id).filter((id) => id !== imageId);
  return unlike("files of images", await cloud.imageNames(), wanted);
}

function unlike(what: string, real: readonly string[], told: readonly string[]): string[] {
  const [one, other] = [real.toSorted(), told.toSorted()].map((list) => list.join(", "));
  return one === other ? [] : [`The ${what}: really [${one}], in the tables [${other}].`];
}
