// Removes what a stopped cloud made on this machine: guests, networks, volumes, and its data directory.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemRandom } from "@micronova/kit";
import { readConfig } from "@micronova/kit/config";
import { type CloudConfig, cloudConfig } from "./config.ts";
import { configFile, openDataDir } from "./data-dir.ts";
import { chooseNetwork, chooseVirt, chooseVolume, realVirt } from "./drivers.ts";
import { systemPlatform } from "./serve.ts";

export async function destroyCloud(dataDir: string): Promise<void> {
  const path = join(dataDir, configFile);
  // A cloud that never got as far as its first start has made nothing outside its directory.
  if (existsSync(path)) {
    const dir = openDataDir(dataDir, systemRandom);
    const config = readConfig(cloudConfig, { overrides: JSON.parse(readFileSync(path, "utf8")) });
    await dispose(config, dataDir, dir);
    dir.release();
  }
  rmSync(dataDir, { recursive: true, force: true });
}

async function dispose(
  config: CloudConfig,
  dataDir: string,
  dir: ReturnType<typeof openDataDir>,
): Promise<void> {
  const platform = systemPlatform(config, dir);
  const deps = { platform, config, dir };
  const { driver } = await chooseVirt(config);
  if (driver === "qemu") {
    const virt = realVirt(deps);
    await virt.start();
    for (const { serverId } of await virt.list()) await virt.destroy(serverId);
    await virt.stop();
  }
  platform.log.info({ dataDir }, "guests are gone");
  await (await chooseNetwork(deps, driver)).dispose();
  const volumes = await chooseVolume(deps, driver);
  await volumes.dispose();
}
