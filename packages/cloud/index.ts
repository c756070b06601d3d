// A cloud as a value: started with a configuration, stopped, destroyed.
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { systemRandom } from "@micronova/kit";
import { readConfig } from "@micronova/kit/config";
import { type CloudConfig, type CloudOverrides, cloudConfig } from "./config.ts";
import { configFile, type DataDir, openDataDir, writeWhole } from "./data-dir.ts";
import { type Choice, chooseVirt } from "./drivers.ts";
import { assertSafe, assertSameRegion, publish } from "./origin.ts";
import { Readiness } from "./readiness.ts";
import { allRoles } from "./role-names.ts";
import { type Served, serve, systemPlatform } from "./serve.ts";

export { issueCertificate, keepCertificate, makeAuthority } from "./authority.ts";
export { type CloudConfig, cloudConfig } from "./config.ts";
export { runningPid, runningRoles } from "./data-dir.ts";
export { destroyCloud } from "./destroy.ts";
export { cloudChecks, cloudInvariants, violations } from "./invariants.ts";
export { moveStore } from "./move-store.ts";
export { type CloudReference, cloudReference } from "./reference.ts";
export type { RoleName } from "./role-names.ts";
export { type ApiDeps, type ControlDeps, cloudSagas, httpServices, roles } from "./roles.ts";
export { migrations as cloudMigrations, seed as seedCloud } from "./seed.ts";

export interface Cloud {
  /** `http://127.0.0.1:8774` */
  readonly origin: string;
  readonly dataDir: string;
  readonly virt: Choice;
  stop(): Promise<void>;
}

export type { CloudOverrides } from "./config.ts";

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
    const platform = systemPlatform(config, dir);
    const readiness = new Readiness(platform);
    const served = await serve(platform, { config, dir, faultSeed, roles: allRoles, readiness });
    const origin = publish(config, dir, served);
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
