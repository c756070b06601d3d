// A process with one role of a cloud, or with several: any mix and any number, started in any order. It waits
// for what is not there yet, and says so in its log and on its health address.
import { resolve } from "node:path";
import { isFault, systemRandom } from "@micronova/kit";
import { addressOf } from "./address.ts";
import type { CloudConfig, CloudOverrides } from "./config.ts";
import { readCloudConfig } from "./config-reader.ts";
import { configFile, type DataDir, openDataDir, writeWhole } from "./data-dir.ts";
import { errors } from "./errors.ts";
import { type HealthService, healthService } from "./health.ts";
import { assertSafe, assertSameRegion, publish } from "./origin.ts";
import { Readiness } from "./readiness.ts";
import { type RoleName, roleNames } from "./role-names.ts";
import { type Served, serve, systemPlatform } from "./serve.ts";

export interface RoleOptions {
  /** `conductor,scheduler` */
  readonly roles: string;
  readonly configPath?: string;
  /** What the machine is called in the cloud. */
  readonly hostName?: string;
}

export interface RunningRoles {
  readonly roles: readonly RoleName[];
  readonly hostName: string;
  readonly dataDir: string;
  /** Where it tells how it is; null when it was not asked to. */
  readonly health: string | null;
  /** Resolves once all its roles work, with the address of its APIs if it has them. */
  readonly ready: Promise<string | null>;
  /** Takes no more work, finishes or hands over what it has, and closes; also while it still waits. */
  stop(): Promise<void>;
}

/** Throws `errors` for what waiting would not mend. */
export async function startRoles(overrides: CloudOverrides, options: RoleOptions): Promise<RunningRoles> {
  const roles = rolesOf(options.roles);
  const { configPath, hostName } = options;
  const path = configPath === undefined ? {} : { path: configPath };
  const config = await readCloudConfig({ overrides, ...path });
  if (roles.has("api")) assertSafe(config);
  const dataDir = resolve(config.data_dir);
  const dir = openDataDir(dataDir, systemRandom, { roles, hostName });
  try {
    return await run({ ...config, data_dir: dataDir }, dir, roles);
  } catch (error) {
    dir.release();
    throw error;
  }
}

async function run(config: CloudConfig, dir: DataDir, roles: ReadonlySet<RoleName>): Promise<RunningRoles> {
  assertSameRegion(dir, config);
  writeWhole(dir.file(configFile), `${JSON.stringify(config, null, 2)}\n`);
  const platform = systemPlatform(config, dir, [...roles].join("-"));
  const readiness = new Readiness(platform);
  const health = await startHealth(config, { platform, readiness });
  const patience = new AbortController();
  const names = [...roles];
  readiness.waitFor("roles", `${names.join(", ")} start`);
  const served = serve(platform, {
    config,
    dir,
    roles,
    readiness,
    faultSeed: null,
    patience: patience.signal,
  });
  const ready = served.then((all) => {
    readiness.have("roles");
    const hasApi = roles.has("api");
    // A process without APIs knows their address only where it is said.
    const origin = hasApi || config.public_url !== undefined ? publish(config, dir, all) : null;
    return hasApi ? origin : null;
  });
  // Whoever waits for it hears it; whoever only stops it does not.
  ready.catch(() => undefined);
  return {
    roles: names,
    hostName: dir.hostName,
    dataDir: dir.path,
    health: health?.address ?? null,
    ready,
    async stop() {
      patience.abort();
      await (await settled(served, patience.signal))?.stop();
      await health?.stop();
      dir.release();
    },
  };
}

/** What was started; null when it was given up. */
async function settled(served: Promise<Served>, given: AbortSignal): Promise<Served | null> {
  try {
    return await served;
  } catch (error) {
    if (isFault(error) || error === given.reason) return null;
    throw error;
  }
}

async function startHealth(
  { health: { listen } }: CloudConfig,
  parts: Pick<Parameters<typeof healthService>[0], "platform" | "readiness">,
): Promise<HealthService | null> {
  if (listen === undefined) return null;
  const service = healthService({ ...parts, ...addressOf("health.listen", listen) });
  await service.start();
  return service;
}

function rolesOf(text: string): ReadonlySet<RoleName> {
  const asked = text.split(",").map((role) => role.trim());
  const stranger = asked.find((role) => !roleNames.some((name) => name === role));
  if (stranger !== undefined) throw errors.noSuchRole(stranger, roleNames.join(", "));
  // Just checked; in the order in which they start, however they were asked for.
  return new Set(roleNames.filter((name) => asked.includes(name)));
}
