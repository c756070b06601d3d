// Whether a cloud of fake hosts kept its promises after trouble: everything ended, what was acknowledged is
// there, tables, hosts and APIs tell one story, and after deleting all of it nothing is left.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "@micronova/client";
import {
  type Acknowledged,
  deleteEverything,
  type Found,
  leftovers,
  quiet,
  settleMs,
  soundTables,
} from "./demo-work.ts";
import { eventually, type RunningCloud } from "./running-cloud.ts";

/** Waits until nothing is under way, compares the tables with the hosts, deletes all, and looks for leaks. */
export async function settled(cloud: RunningCloud, promised: Acknowledged): Promise<void> {
  const client = await cloud.client();
  const found = await quiet(client);
  for (const kind of ["servers", "volumes"] as const)
    for (const id of promised[kind])
      assert.ok(
        found[kind].some((one) => one.id === id),
        `${kind}: ${id} was acknowledged and is gone`,
      );
  await soundTables(cloud);
  await eventually(
    async () => differences(cloud.dataDir, await quiet(client)),
    (all) => all.length === 0,
    settleMs,
  );

  await deleteEverything(client);

  await soundTables(cloud);
  const left = async () => [
    ...(await leftovers(client)),
    ...differences(cloud.dataDir, { servers: [], volumes: [] }),
  ];
  await eventually(left, (all) => all.length === 0, settleMs);
}

/** Where the fake hosts' files and the APIs tell different stories. */
function differences(dataDir: string, { servers, volumes }: Found): string[] {
  const guests = readdirSync(join(dataDir, "hosts")).flatMap((host) =>
    readList(join(dataDir, "hosts", host, "guests.json")).map(({ spec, power }) => ({
      host,
      id: spec.serverId,
      isRunning: power === "running",
      volumes: ids(spec.volumes, "volumeId"),
    })),
  );
  const running = servers.filter(({ status }) => status === "ACTIVE");
  const expected = running.map((server) => ({
    host: server["OS-EXT-SRV-ATTR:host"],
    id: server.id,
    isRunning: true,
    volumes: ids(server["os-extended-volumes:volumes_attached"], "id"),
  }));
  const stored = ids(readList(join(dataDir, "volumes.json")), "volumeId");
  const known = ids(
    volumes.filter(({ status }) => status !== "error"),
    "id",
  );
  return [
    ...unlike("guests", guests.map(asText).toSorted(), expected.map(asText).toSorted()),
    ...unlike("volumes", stored, known),
  ];
}

const asText = (value: unknown) => JSON.stringify(value);

const ids = (list: readonly Json[], key: string): string[] => list.map((one) => one[key]).toSorted();

function unlike(what: string, real: readonly string[], told: readonly string[]): string[] {
  return asText(real) === asText(told) ? [] : [`${what}: really ${asText(real)}, in the API ${asText(told)}`];
}

function readList(path: string): readonly Json[] {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
