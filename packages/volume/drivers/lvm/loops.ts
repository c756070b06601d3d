// Loop devices: what lies behind each, attaching and detaching. The kernel's own table is asked every time:
// whatever this or an earlier process noted may be of before a restart of the machine.
import { chmod, chown, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isFault, processErrors, type RunResult, run } from "@micronova/kit";
import { runTied } from "../run-tied.ts";

export interface Loop {
  readonly device: string;
  readonly offset: number;
  /** Zero is up to the end. */
  readonly size: number;
  /** Detached while something has it open: it goes with its last user and must not be handed out again. */
  readonly isGoing: boolean;
}

export interface Extent {
  readonly offset: number;
  readonly size: number;
}

const whole: Extent = { offset: 0, size: 0 };

/** The loop devices over a file or block device. */
export async function loopsOver(path: string): Promise<readonly Loop[]> {
  const columns = "NAME,OFFSET,SIZELIMIT,AUTOCLEAR";
  const { stdout } = await run("losetup", [
    "--associated",
    path,
    "--noheadings",
    "--raw",
    "--output",
    columns,
  ]);
  return stdout.split("\n").flatMap((line) => {
    const [device, offset, size, autoclear] = line.split(" ");
    if (device === undefined || device === "") return [];
    return [{ device, offset: Number(offset), size: Number(size), isGoing: autoclear === "1" }];
  });
}

/** Attaches all of the file or device, or a part; answers the loop device. */
export async function attachLoop(path: string, { offset, size }: Extent = whole): Promise<string> {
  const part = size === 0 ? [] : ["--offset", `${offset}`, "--sizelimit", `${size}`];
  const attach = async (...how: string[]) => losetup(["--find", "--show", ...how, ...part, path]);
  let result: RunResult;
  try {
    result = await attach("--direct-io=on");
  } catch (error) {
    // Some file systems cannot bypass the page cache; it then holds the data twice, which is slower but
    // right.
    if (!isFault(error, processErrors.failed)) throw error;
    result = await attach();
  }
  const device = result.stdout.trim();
  await keepFromOthers(device);
  return device;
}

/** While something has it open the device stays until that has closed it. */
export async function detachLoop(device: string): Promise<void> {
  await keepFromOthers(device);
  await run("losetup", ["--detach", device]);
}

/** The node outlives what was behind it, and with it the rights of whom a volume was given to. */
async function keepFromOthers(device: string): Promise<void> {
  await chown(device, 0, 0);
  await chmod(device, 0o600);
}

// Attaching takes no time, but waits its turn in the kernel.
const attachTimeoutMs = 20_000;

/** Where nobody makes device nodes (neither devtmpfs nor udev) the missing ones are made for another try. */
async function losetup(args: readonly string[]): Promise<RunResult> {
  const attempt = () => runTied("losetup", args, attachTimeoutMs);
  try {
    return await attempt();
  } catch (error) {
    if (!isFault(error, processErrors.failed) || !(await makeMissingNodes())) throw error;
    return attempt();
  }
}

async function makeMissingNodes(): Promise<boolean> {
  // Makes the kernel have a free device; it says so even when the node is missing.
  await run("losetup", ["--find"]).catch(unlessFailed);
  let made = false;
  for (const name of await readdir("/sys/block")) {
    if (!/^loop\d+$/.test(name) || (await hasNode(name))) continue;
    const number = await readFile(join("/sys/block", name, "dev"), "utf8");
    const [major = "", minor = ""] = number.trim().split(":");
    await run("mknod", ["--mode=600", join("/dev", name), "b", major, minor]);
    made = true;
  }
  return made;
}

function unlessFailed(error: unknown): void {
  if (!isFault(error, processErrors.failed)) throw error;
}

async function hasNode(name: string): Promise<boolean> {
  try {
    return (await stat(join("/dev", name))).isBlockDevice();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
