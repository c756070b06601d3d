// What the host has, and how busy it is.
import { readFile, statfs } from "node:fs/promises";
import { availableParallelism, loadavg, networkInterfaces, totalmem } from "node:os";
import { isFault, processErrors, run } from "@micronova/kit";
import type { HostInventory, HostLoad } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { qemuProgram } from "./process.ts";

const bytesPerGb = 1024 ** 3;
const bytesPerMb = 1024 ** 2;

/** As an integer: 7.2.13 → 7002013. Throws when QEMU is missing. */
export async function qemuVersion(): Promise<number> {
  try {
    const { stdout } = await run(qemuProgram, ["-version"]);
    const [major = 0, minor = 0, micro = 0] = (/version ([\d.]+)/.exec(stdout)?.[1] ?? "0")
      .split(".")
      .map(Number);
    return major * 1_000_000 + minor * 1000 + micro;
  } catch (error) {
    if (isFault(error, processErrors.notFound)) throw driverErrors.qemuMissing(qemuProgram);
    throw error;
  }
}

export async function hostInventory(stateDir: string, hypervisorVersion: number): Promise<HostInventory> {
  const cpu = cpuFields(await readFile("/proc/cpuinfo", "utf8"));
  const disk = await statfs(stateDir);
  const vcpus = availableParallelism();
  return {
    hypervisorType: "QEMU",
    hypervisorVersion,
    architecture: "x86_64",
    vcpus,
    memoryMb: Math.floor(totalmem() / bytesPerMb),
    diskGb: Math.floor((disk.blocks * disk.bsize) / bytesPerGb),
    cpuInfo: {
      vendor: cpu("vendor_id"),
      model: cpu("model name"),
      features: cpu("flags").split(" "),
      topology: { sockets: 1, cores: vcpus, threads: 1 },
    },
    hostIp: firstAddress(),
  };
}

export async function hostLoad(stateDir: string): Promise<HostLoad> {
  const disk = await statfs(stateDir);
  const memory = /MemAvailable:\s+(\d+) kB/.exec(await readFile("/proc/meminfo", "utf8"))?.[1] ?? "0";
  return {
    cpu: (loadavg()[0] ?? 0) / availableParallelism(),
    freeMemoryMb: Math.floor(Number(memory) / 1024),
    freeDiskGb: Math.floor((disk.bavail * disk.bsize) / bytesPerGb),
  };
}

function cpuFields(text: string): (name: string) => string {
  return (name) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(text)?.[1] ?? "";
}

function firstAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((address) => address.family === "IPv4" && !address.internal)?.address ?? "127.0.0.1";
}
