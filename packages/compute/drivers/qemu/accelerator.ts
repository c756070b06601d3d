// Decides how guests run. `/dev/kvm` can be there, open, and still hang or crawl (nested without hardware
// support), so it is used only where a guest of a few instructions ends in time.
import { constants } from "node:fs";
import { access, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, isFault, type Log, processErrors, run } from "@micronova/kit";
import { nullWhenAbsent } from "../files.ts";
import type { Accelerator } from "./arguments.ts";
import { qemuProgram } from "./process.ts";

export type AcceleratorChoice = "auto" | Accelerator;

interface Probe {
  readonly bootId: string;
  readonly accelerator: Accelerator;
}

// `mov al, 16; out 0xf4, al; hlt; jmp $-1`: tells the debug device to end QEMU with status 33.
const bootCode = Buffer.from([0xb0, 0x10, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd]);
const debugExit = "isa-debug-exit,iobase=0xf4,iosize=0x04";
const wantedStatus = "status 33";
// With hardware support the guest ends in a tenth of a second, more on a loaded machine. Where the processor
// shows no such support KVM is emulated somehow: only one that is fast in spite of that is worth it (seen:
// 1.5 s, and kernels hang).
const probeMs = { supported: 3_000, unsupported: 500 } as const;

/** The accelerator to use; the answer of a probe is kept in `path` until the machine starts anew. */
export async function chooseAccelerator(
  deps: { readonly clock: Clock; readonly log: Log },
  choice: AcceleratorChoice,
  path: string,
): Promise<Accelerator> {
  if (choice !== "auto") return choice;
  const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const text = await readFile(path, "utf8").catch(nullWhenAbsent);
  const known: Probe | null = text === null ? null : JSON.parse(text);
  if (known?.bootId === bootId) return known.accelerator;
  const accelerator = (await kvmWorks(deps.clock)) ? "kvm" : "tcg";
  await writeFile(`${path}.new`, JSON.stringify({ bootId, accelerator } satisfies Probe));
  await rename(`${path}.new`, path);
  deps.log.info({ accelerator }, "accelerator chosen");
  return accelerator;
}

async function kvmWorks(clock: Clock): Promise<boolean> {
  const opens = await access("/dev/kvm", constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!opens) return false;
  const flags = /^flags\s*:(.*)$/m.exec(await readFile("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  const limitMs = /\b(vmx|svm)\b/.test(flags) ? probeMs.supported : probeMs.unsupported;
  const started = clock.monotonic();
  return (await bootCodeEnds(limitMs)) && clock.monotonic() - started <= limitMs;
}

async function bootCodeEnds(timeoutMs: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "micronova-probe-"));
  try {
    const disk = join(folder, "disk");
    await writeFile(disk, bootSector());
    const drive = `if=virtio,format=raw,file=${disk}`;
    const screen = ["-nodefaults", "-display", "none"];
    const machine = ["-machine", "q35", "-accel", "kvm", "-m", "16", ...screen];
    await run(qemuProgram, [...machine, "-device", debugExit, "-drive", drive], { timeoutMs });
    return false;
  } catch (error) {
    if (isFault(error, processErrors.notFound)) throw error;
    return isFault(error, processErrors.failed) && error.params[1] === wantedStatus;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function bootSector(): Buffer {
  const disk = Buffer.alloc(64 * 1024);
  bootCode.copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}
