// Takes in the disks of a server that comes from another host: blank disks of the right size, served over NBD
// with TLS by a process of its own until all bytes are there. It outlives the worker, as guests do.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Clock, run, type Uuid } from "@micronova/kit";
import type { DiskTarget, OwnDisk } from "../driver.ts";
import { driverErrors } from "../errors.ts";
import { nullWhenAbsent } from "../files.ts";
import { type DomainFiles, diskFile } from "./domain.ts";
import { type HostCertificate, tlsFolderOf } from "./tls-folder.ts";

/** How servers come to this host. */
export interface MoveOptions {
  /** Its name in the cloud, which its certificate bears. */
  readonly host: string;
  /** Where other hosts write to; null when servers only come from this very host. */
  address(): Promise<string | null>;
  readonly firstPort: number;
  /** Takes servers without TLS when there is no certificate. */
  readonly isInsecure: boolean;
}

export interface ReceiverDeps {
  readonly clock: Clock;
  readonly options: MoveOptions;
  readonly certificate: HostCertificate | null;
}

const program = "qemu-storage-daemon";
// As many servers as come at a time.
const portCount = 200;
const startTimeoutMs = 20_000;
const endTimeoutMs = 10_000;
const pollMs = 10;
const loopback = "127.0.0.1";

/** Makes the disks and serves them. Served already, it answers where. */
export async function startReceiver(
  deps: ReceiverDeps,
  files: DomainFiles,
  { from, disks }: { readonly from: string; readonly disks: readonly OwnDisk[] },
): Promise<DiskTarget> {
  const { options, certificate } = deps;
  const { host, isInsecure } = options;
  const own = await options.address();
  if (own === null && from !== host) throw driverErrors.notReachable(host);
  const address = own ?? loopback;
  const known = await readFile(join(files.folder, "target.json"), "utf8").catch(nullWhenAbsent);
  if (known !== null && (await pidOf(files)) !== null) return JSON.parse(known) as DiskTarget;
  if (certificate === null && address !== loopback && !isInsecure) throw driverErrors.moveUnsecured(host);
  await stopReceiver(deps.clock, files);
  await rm(files.folder, { recursive: true, force: true });
  await mkdir(files.folder, { recursive: true, mode: 0o700 });
  for (const { name, bytes } of disks)
    await run("qemu-img", ["create", "-q", "-f", "qcow2", diskFile(files, name), String(bytes)]);
  const port = await freePort(address, options.firstPort);
  const target: DiskTarget = { address, port, tlsName: certificate === null ? null : host };
  if (certificate !== null)
    await tlsFolderOf(certificate, { folder: join(files.folder, "tls"), endpoint: "server" });
  await run(program, daemonArguments(files, disks, target), { timeoutMs: startTimeoutMs, cwd: files.folder });
  await writeFile(join(files.folder, "target.json"), JSON.stringify(target), { mode: 0o600 });
  return target;
}

function daemonArguments(files: DomainFiles, disks: readonly OwnDisk[], target: DiskTarget): string[] {
  const { address: host, port, tlsName } = target;
  const tls = {
    "qom-type": "tls-creds-x509",
    id: "tls",
    dir: "tls",
    endpoint: "server",
    "verify-peer": true,
  };
  const secured = tlsName === null ? {} : { "tls-creds": "tls" };
  const server = { addr: { type: "inet", host, port: `${port}` }, ...secured };
  return [
    ...["--daemonize", "--pidfile", pidFile(files)],
    ...(tlsName === null ? [] : ["--object", JSON.stringify(tls)]),
    ...disks.flatMap(({ name }) => {
      const file = { driver: "file", filename: diskFile(files, name) };
      return ["--blockdev", JSON.stringify({ driver: "qcow2", "node-name": name, discard: "unmap", file })];
    }),
    ...["--nbd-server", JSON.stringify(server)],
    ...disks.flatMap(({ name }) => {
      const one = { type: "nbd", id: name, "node-name": name, name, writable: true };
      return ["--export", JSON.stringify(one)];
    }),
  ];
}

/** Ends the process; what was written is in the files then. */
export async function stopReceiver(clock: Clock, files: DomainFiles): Promise<void> {
  const pid = await pidOf(files);
  if (pid === null) return;
  // Asked, it closes its files as they should be.
  process.kill(pid, "SIGTERM");
  const until = clock.monotonic() + endTimeoutMs;
  while ((await pidOf(files)) !== null) {
    if (clock.monotonic() > until) process.kill(pid, "SIGKILL");
    await clock.sleep(pollMs);
  }
}

const pidFile = ({ folder }: DomainFiles) => join(folder, "receiver.pid");

async function pidOf(files: DomainFiles): Promise<number | null> {
  const pid = Number((await readFile(pidFile(files), "utf8").catch(nullWhenAbsent))?.trim());
  if (!(pid > 0)) return null;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.includes(program) && commandLine.includes(pidFile(files)) ? pid : null;
}

interface Sending {
  readonly serverId: Uuid;
  readonly to: DiskTarget;
  /** Holds this host's certificate under QEMU's names for clients; null when there is none. */
  readonly tlsFolder: string | null;
  readonly timeoutMs: number;
}

/** Writes a disk to where it is received: what is zero there already is not sent. */
export async function sendDisk(path: string, name: string, sending: Sending): Promise<void> {
  const { to, tlsFolder, serverId, timeoutMs } = sending;
  if (to.tlsName !== null && tlsFolder === null) throw driverErrors.moveUnsecured(serverId);
  const isSecured = to.tlsName !== null;
  const tls = { "qom-type": "tls-creds-x509", id: "tls", dir: tlsFolder, endpoint: "client" };
  const secured = isSecured ? `,tls-creds=tls,tls-hostname=${to.tlsName}` : "";
  const place = `driver=nbd,server.type=inet,server.host=${to.address},server.port=${to.port}`;
  await run(
    "qemu-img",
    [
      ...["convert", "-n", "--target-is-zero", "-f", "qcow2"],
      ...(isSecured ? ["--object", JSON.stringify(tls)] : []),
      ...[path, "--target-image-opts", `${place},export=${name}${secured}`],
    ],
    { timeoutMs },
  );
}

async function freePort(address: string, firstPort: number): Promise<number> {
  for (let port = firstPort; port < firstPort + portCount; port++)
    if (await isFree(address, port)) return port;
  throw driverErrors.noMovePort(address, firstPort, firstPort + portCount - 1);
}

function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" || error.code === "EACCES" ? resolve(false) : reject(error),
    );
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
