// One export is one process, `qemu-storage-daemon`, which serves one volume to one host: so ending it cuts
// that host off for certain, and nothing it does reaches another volume. It is detached and outlives the
// worker, as guests do, and is found again by its pid file and the mark in its command line.
import { spawn } from "node:child_process";
import { copyFile, type FileHandle, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { type Clock, processErrors } from "@micronova/kit";
import { volumeDriverErrors } from "../errors.ts";
import type { ExportPlace, ExportRecord, Owner } from "./records.ts";

/** A host's certificate, files in PEM form. */
export interface HostCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface DaemonStart {
  readonly clock: Clock;
  readonly place: ExportPlace;
  readonly record: ExportRecord & { readonly at: NonNullable<ExportRecord["at"]> };
  /** What is served. */
  readonly path: string;
  /** Null for no TLS. */
  readonly certificate: HostCertificate | null;
  readonly owner: Owner;
}

const program = "qemu-storage-daemon";
const startTimeoutMs = 20_000;
const pollMs = 10;
// A write that the disk does not finish holds up the end of its process.
const endTimeoutMs = 60_000;
const saidCharsMax = 500;
// The volume's bytes are handed over open: its user need not pass the folders above them.
const volumeDescriptor = 3;
// The names that QEMU looks for in the folder of its credentials.
const credentials = { ca: "ca-cert.pem", cert: "server-cert.pem", key: "server-key.pem" } as const;

/** Returns when it serves. */
export async function startDaemon(start: DaemonStart): Promise<void> {
  const { place, path, certificate, owner } = start;
  if (certificate !== null) await layOut(place, certificate, owner);
  await using log = await open(join(place.folder, "log"), "w", 0o600);
  await using volume = await open(path, "r+");
  const isBlockDevice = (await volume.stat()).isBlockDevice();
  if (owner !== null) await volume.chown(owner.uid, owner.gid);
  const [command, ...args] = [...asOwner(owner), program, ...daemonArguments(start, isBlockDevice)];
  const ended = new AbortController();
  const stdio = ["ignore", log.fd, log.fd, volume.fd] as const;
  const child = spawn(command!, args, { detached: true, stdio: [...stdio], cwd: place.folder });
  child.once("exit", () => ended.abort(volumeDriverErrors.exportFailed(start.record.volumeId, "")));
  child.once("error", () => ended.abort(processErrors.notFound(command!)));
  child.unref();
  // Becoming the owner and the daemon keeps the pid.
  await writeFile(join(place.folder, "pid"), `${child.pid ?? ""}`, { mode: 0o600 });
  await serves(start, ended.signal);
}

async function serves({ clock, place, record }: DaemonStart, ended: AbortSignal): Promise<void> {
  const until = clock.monotonic() + startTimeoutMs;
  while (!(await greets(record.at, ended))) {
    if (ended.aborted || clock.monotonic() > until) {
      await endDaemon(clock, place);
      const said = (await readFile(join(place.folder, "log"), "utf8")).trim().slice(-saidCharsMax);
      if (said === "") ended.throwIfAborted();
      throw volumeDriverErrors.exportFailed(record.volumeId, said || `not within ${startTimeoutMs} ms`);
    }
    await clock.sleep(pollMs);
  }
}

/** It listens before it has its export, and says its first word after. */
function greets({ address, port }: DaemonStart["record"]["at"], ended: AbortSignal): Promise<boolean> {
  const socket = createConnection({ host: address, port, signal: ended });
  return new Promise<boolean>((resolve) => {
    socket.once("data", () => resolve(true));
    // Not there yet, or no more; the error is in the daemon's log.
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  }).finally(() => socket.destroy());
}

function daemonArguments({ place, record, certificate }: DaemonStart, isBlockDevice: boolean): string[] {
  const { address, port } = record.at;
  const disk = {
    driver: isBlockDevice ? "host_device" : "file",
    "node-name": "volume",
    filename: `/proc/self/fd/${volumeDescriptor}`,
    discard: "unmap",
  };
  const secured = certificate === null ? {} : { "tls-creds": "tls", "tls-authz": "initiator" };
  const server = { addr: { type: "inet", host: address, port: `${port}` }, ...secured };
  const exported = { type: "nbd", id: place.mark, "node-name": "volume", name: record.volumeId };
  return [
    ...(certificate === null ? [] : tlsArguments(record.host)),
    ...["--blockdev", JSON.stringify(disk)],
    ...["--nbd-server", JSON.stringify(server)],
    ...["--export", JSON.stringify({ ...exported, writable: true })],
  ];
}

/** The certificate of the cloud's authority for exactly this host is let in, and no other. */
function tlsArguments(host: string): string[] {
  const tls = { "qom-type": "tls-creds-x509", id: "tls", dir: ".", endpoint: "server", "verify-peer": true };
  const initiator = { "qom-type": "authz-simple", id: "initiator", identity: distinguishedName(host) };
  return ["--object", JSON.stringify(tls), "--object", JSON.stringify(initiator)];
}

/** As GnuTLS writes it (RFC 4514). */
function distinguishedName(host: string): string {
  return `CN=${host.replaceAll(/[,+"\\<>;=#]/g, (character) => `\\${character}`)}`;
}

/** Root gives up what it is: whoever breaks out of the daemon finds one volume. */
function asOwner(owner: Owner): string[] {
  if (owner === null) return [];
  const identity = ["--reuid", `${owner.uid}`, "--regid", `${owner.gid}`, "--clear-groups"];
  return ["setpriv", ...identity, "--no-new-privs", "--"];
}

async function layOut({ folder }: ExportPlace, certificate: HostCertificate, owner: Owner): Promise<void> {
  for (const part of ["ca", "cert", "key"] as const) {
    const path = join(folder, credentials[part]);
    await rm(path, { force: true });
    await copyFile(certificate[part], path);
    await using file = await open(path, "r+");
    await secure(file, owner);
  }
}

async function secure(file: FileHandle, owner: Owner): Promise<void> {
  await file.chmod(0o600);
  if (owner !== null) await file.chown(owner.uid, owner.gid);
}

export async function isServing(place: ExportPlace): Promise<boolean> {
  return (await pidIn(place)) !== null;
}

/** Ends the export at once, whatever its client does, and returns when nothing can be written any more. */
export async function endDaemon(clock: Clock, place: ExportPlace): Promise<void> {
  // A worker may have been killed before the daemon wrote its pid.
  for (const pid of await pidsOf(place)) {
    process.kill(pid, "SIGKILL");
    const until = clock.monotonic() + endTimeoutMs;
    while (await isThere(pid, place)) {
      if (clock.monotonic() > until) throw volumeDriverErrors.exportStays(pid, endTimeoutMs);
      await clock.sleep(pollMs);
    }
  }
}

async function pidIn(place: ExportPlace): Promise<number | null> {
  const text = await readFile(join(place.folder, "pid"), "utf8").catch(() => "");
  const pid = Number(text.trim());
  return pid > 0 && (await isDaemonOf(pid, place)) ? pid : null;
}

async function pidsOf(place: ExportPlace): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const ours = await Promise.all(pids.map((pid) => isDaemonOf(pid, place)));
  return pids.filter((_, at) => ours[at]);
}

async function isDaemonOf(pid: number, { mark }: ExportPlace): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.includes(mark) && commandLine.includes(program);
}

/** A process whose first thread has ended has no command line, and may still have others that write. */
async function isThere(pid: number, place: ExportPlace): Promise<boolean> {
  if (await isDaemonOf(pid, place)) return true;
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => null);
  return commandLine === "" && threads.length > 1;
}
