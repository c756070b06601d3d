// `micronova demo`: the main job from nothing, on a cloud of its own that stays up; `--stop` takes it down.
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "@micronova/client";
import { runningPid } from "@micronova/cloud";
import { jsonLog } from "@micronova/kit";
import { cacheHome, isRoot } from "../data-dir.ts";
import { teller } from "../demo/steps.ts";
import { tellStory } from "../demo/story.ts";
import { cliErrors } from "../errors.ts";
import { readOpenrc } from "../openrc.ts";
import { ensureForGuests, sshNeeds } from "../prepare.ts";
import { destroyWhole, stopCloud } from "./down.ts";
import { startDetached } from "./up.ts";

export interface DemoOptions {
  readonly dataDir: string;
  readonly port: string;
  readonly stop?: boolean;
}

export async function demo(options: DemoOptions, install: boolean): Promise<void> {
  const dataDir = resolve(options.dataDir);
  if (options.stop) return stop(dataDir);
  const started = performance.now();
  const tell = teller(process.stderr);
  const what = isRoot() ? "QEMU, LVM and the network's tools are" : "QEMU is";
  await tell.step(`make sure that ${what} installed`, () => ensureForGuests(sshNeeds, install));
  await tell.step("start the cloud", async () => {
    if (runningPid(dataDir) === null) await startDetached({ dataDir, port: options.port, virt: "qemu" });
  });
  const client = await connect(readOpenrc(readFileSync(join(dataDir, "openrc"), "utf8")));
  tell.note(`its APIs answer at ${new URL(client.endpoint("compute")).origin}`);
  const log = jsonLog({ level: "info", path: join(dataDir, "log", "demo.log") });
  await tellStory({ client, tell, dataDir, cacheDir: guestCache(), log });
  process.stderr.write(
    closing(dataDir, new URL(client.endpoint("compute")).origin, performance.now() - started),
  );
}

/**
 * Kept beside the packages, not in the data directory: it outlives clouds. Users who may not write there have
 * their own.
 */
function guestCache(): string {
  const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
  const shared = join(root, "node_modules", ".cache", "micronova-guest");
  return isWritable(shared) ? shared : join(cacheHome(), "guest");
}

function isWritable(path: string): boolean {
  if (!existsSync(path)) return isWritable(dirname(path));
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EACCES") return false;
    throw error;
  }
}

async function stop(dataDir: string): Promise<void> {
  if (!existsSync(join(dataDir, "run"))) throw cliErrors.noCloud(dataDir);
  const tell = teller(process.stderr);
  await tell.step("stop the cloud", () => stopCloud(dataDir));
  await tell.step("remove guests, volumes, networks and data", () => destroyWhole(dataDir));
}

function closing(dataDir: string, origin: string, tookMs: number): string {
  return [
    "",
    `The data came back. The whole story took ${(tookMs / 1000).toFixed(1)} s. The cloud goes on at ${origin}.`,
    "What to type next:",
    `  export OS_CLIENT_CONFIG_FILE=${join(dataDir, "clouds.yaml")} OS_CLOUD=micronova-admin`,
    "  openstack server list",
    "  openstack volume list",
    "  ./micronova demo --stop        takes it all down and leaves nothing behind",
    "",
  ].join("\n");
}
