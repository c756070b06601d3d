// Which drivers a host gets: by what the operator asked for, who we are, and what the machine has.
import { fakeDriver, guestUser, qemuDriver, type VirtDriver } from "@micronova/compute/host";
import { isFault, type Platform, processErrors, run } from "@micronova/kit";
import {
  fakeNetworkDriver,
  linuxNetworkDriver,
  type NetworkDriver,
  userNetworkDriver,
} from "@micronova/network/host";
import {
  fakeVolumeDriver,
  fileVolumeDriver,
  type LocalVolumeDriver,
  lvmUnavailable,
  lvmVolumeDriver,
  reachableVolumes,
  type VolumeDriver,
} from "@micronova/volume/host";
import { type CertificateFiles, hostCertificate } from "./authority.ts";
import type { CloudConfig } from "./config.ts";
import type { DataDir } from "./data-dir.ts";
import { errors } from "./errors.ts";
import { exportAddress, moveAddress, tunnelAddress } from "./own-address.ts";

/** What guests are, and why: said when the cloud starts. */
export interface Choice {
  readonly driver: "qemu" | "fake";
  readonly why: string;
}

export interface DriverDeps {
  readonly platform: Platform;
  readonly config: CloudConfig;
  readonly dir: DataDir;
}

const isRoot = (): boolean => process.getuid?.() === 0;

export async function chooseVirt(config: CloudConfig): Promise<Choice> {
  const { driver } = config.virt;
  if (driver === "fake") return { driver, why: "asked for" };
  const isThere = await hasQemu();
  if (isThere) return { driver: "qemu", why: driver === "qemu" ? "asked for" : "QEMU is installed" };
  if (driver === "qemu") throw errors.noQemu();
  return { driver: "fake", why: "QEMU is not installed; guests only seem to be" };
}

async function hasQemu(): Promise<boolean> {
  try {
    await run("qemu-system-x86_64", ["-version"]);
    await run("qemu-img", ["--version"]);
    return true;
  } catch (error) {
    if (isFault(error, processErrors.notFound)) return false;
    throw error;
  }
}

/** The driver of real guests; they run as another user when we are root. */
export function realVirt(deps: DriverDeps): VirtDriver {
  const { platform, config, dir } = deps;
  return qemuDriver({
    platform,
    stateDir: dir.file("servers"),
    accelerator: config.virt.accelerator,
    certificate: () => certificateOf(deps),
    moves: {
      host: dir.hostName,
      address: () => moveAddress(platform, config),
      firstPort: config.virt.move_port,
      isInsecure: config.insecure,
    },
  });
}

/** The driver of one fake host; its guests outlive a kill of the cloud, as real ones do. */
export function fakeVirt({ platform, config, dir }: DriverDeps, host: string): VirtDriver {
  const { fake_delay_ms: delayMs } = config.virt;
  const memory = config.ephemeral ? {} : { path: dir.file("hosts", host, "guests.json") };
  return fakeDriver({ platform, delayMs, ...memory });
}

export async function chooseNetwork(
  { platform, config, dir }: DriverDeps,
  virt: Choice["driver"],
): Promise<NetworkDriver> {
  const { driver } = config.network;
  const automatic = virt === "fake" ? "fake" : isRoot() ? "linux" : "user";
  const chosen = driver === "auto" ? automatic : driver;
  const stateDir = dir.file("network");
  if (chosen === "fake") return fakeNetworkDriver();
  if (chosen === "user") return userNetworkDriver({ platform, stateDir });
  const user = await guestUser();
  const address = await tunnelAddress(platform, config);
  return linuxNetworkDriver({
    ...{ platform, stateDir, cloudId: dir.secrets.cloudId },
    // Without an owner any user of the machine could open a guest's tap.
    ...(user === null ? {} : { tapUser: user.uid }),
    ...(address === null ? {} : { tunnelAddress: address }),
  });
}

export async function chooseVolume(deps: DriverDeps, virt: Choice["driver"]): Promise<VolumeDriver> {
  const { platform, config, dir } = deps;
  const { driver, group, size_gb: sizeGb } = config.volume;
  const automatic = virt === "fake" ? "fake" : isRoot() ? "lvm" : "file";
  const chosen = driver === "auto" ? automatic : driver;
  if (chosen === "fake") return fakeVolumeDriver(config.ephemeral ? {} : { path: dir.file("volumes.json") });
  if (chosen === "file") return forAllHosts(deps, fileVolumeDriver({ dir: dir.file("volumes") }));
  const why = await lvmUnavailable();
  // Files are not taken instead: a program that is removed later would hide the volumes there are.
  if (why !== null) throw errors.noLvm(why);
  const own = { platform, stateDir: dir.file("lvm"), sizeGb };
  return forAllHosts(deps, lvmVolumeDriver(group === undefined ? own : { ...own, volumeGroup: group }));
}

/** As it is known to the other hosts of the cloud. */
async function forAllHosts(deps: DriverDeps, driver: LocalVolumeDriver): Promise<VolumeDriver> {
  const { platform, config, dir } = deps;
  const address = await exportAddress(platform, config);
  return reachableVolumes(driver, {
    platform,
    host: dir.hostName,
    stateDir: dir.file("exports"),
    listen: address === null ? null : { address, firstPort: config.volume.export_port },
    certificate: () => certificateOf(deps),
    isInsecure: config.insecure,
    owner: await guestUser(),
  });
}

/** By which other hosts know this one. */
function certificateOf({ dir }: DriverDeps): Promise<CertificateFiles | null> {
  return hostCertificate(dir.file("tls"), dir.hostName);
}
