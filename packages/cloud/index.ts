// A cloud as a value: started with a configuration, stopped, destroyed.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { systemRandom } from "@micronova/kit";
import { readConfig } from "@micronova/kit/config";
import { type CloudConfig, cloudConfig } from "./config.ts";
import { writeCredentials } from "./credentials-files.ts";
import { type DataDir, openDataDir, writeWhole } from "./data-dir.ts";
import { configFile } from "./destroy.ts";
import { type Choice, chooseVirt } from "./drivers.ts";
import { errors } from "./errors.ts";
import { type Served, serve, systemPlatform } from "./serve.ts";

export { type CloudConfig, cloudConfig } from "./config.ts";
export { runningPid } from "./data-dir.ts";
export { destroyCloud } from "./destroy.ts";
export { cloudChecks, cloudInvariants, violations } from "./invariants.ts";
export { type CloudReference, cloudReference } from "./reference.ts";
export { type ApiDeps, type ControlDeps, cloudSagas, httpServices, roles } from "./roles.ts";
export { migrations as cloudMigrations, seed as seedCloud } from "./seed.ts";

export interface Cloud {
  /** `http://127.0.0.1:8774` */
  readonly origin: string;
  readonly dataDir: string;
  readonly virt: Choice;
  stop(): Promise<void>;
}

type DeepPartial<T> = {
  readonly [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> | undefined : T[K] | undefined;
};
/** What the command line lays over the configuration file. */
export type CloudOverrides = DeepPartial<CloudConfig>;

export interface StartOptions {
  readonly configPath?: string;
  /** Lets fault rules be added, whose chance is drawn from this. In no configuration: never by mistake. */
  readonly faultSeed?: string;
}

/**
 * Starts the cloud of a data directory. Ready when it returns: an authenticated request is answered.
 * Throws `errors` (a sentence that says what to do) when it cannot.
 */
export async function startCloud(overrides: CloudOverrides, options: StartOptions = {}): Promise<Cloud> {
  const { configPath, faultSeed = null } = options;
  const config = readConfig(cloudConfig, {
    overrides,
    ...(configPath === undefined ? {} : { path: configPath }),
  });
  assertSafe(config);
  const virt = await chooseVirt(config);
  const dataDir = resolve(config.data_dir);
  const dir = openDataDir(dataDir, systemRandom);
  try {
    assertSameRegion(dir, config);
    // With the driver it really has: what is installed may be different when it is destroyed.
    const used = { ...config, data_dir: dataDir, virt: { ...config.virt, driver: virt.driver } };
    writeWhole(dir.file(configFile), `${JSON.stringify(used, null, 2)}\n`);
    const served = await serve(systemPlatform(config, dir), { config, dir, faultSeed });
    const origin = `${config.tls === undefined ? "http" : "https"}://${hostOf(config.listen)}:${served.http.port}`;
    writeCredentials(dir, {
      authUrl: `${origin}/identity/v3`,
      region: config.region,
      cacert: config.tls?.cert ?? null,
    });
    return { origin, dataDir, virt, stop: () => stop(served, dir, config) };
  } catch (error) {
    dir.release();
    throw error;
  }
}

async function stop(served: Served, dir: DataDir, config: CloudConfig): Promise<void> {
  await served.stop();
  dir.release();
  if (config.ephemeral) rmSync(dir.path, { recursive: true, force: true });
}

/** The catalog keeps the region it was made with; clients told another one would find no service. */
function assertSameRegion(dir: DataDir, { region }: CloudConfig): void {
  const path = dir.file(configFile);
  if (!existsSync(path)) return;
  const before: CloudConfig = JSON.parse(readFileSync(path, "utf8"));
  if (before.region !== region) throw errors.regionFixed(before.region, region);
}

/** Anybody who reaches the port reads the passwords that pass it: off loopback they need TLS. */
function assertSafe({ listen, tls, insecure }: CloudConfig): void {
  const isLoopback = listen === "localhost" || listen === "::1" || listen.startsWith("127.");
  if (!isLoopback && tls === undefined && !insecure) throw errors.needsTls(listen);
}

/** An address as it stands in a URL; one that means all of them is reached through loopback. */
function hostOf(listen: string): string {
  if (listen === "0.0.0.0" || listen === "::") return "127.0.0.1";
  return listen.includes(":") ? `[${listen}]` : listen;
}
