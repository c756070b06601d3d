// A client of volume exports that stays connected, as a guest does: QEMU's own, by `qemu-io`.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { run } from "@micronova/kit";
import type { CertificateFiles } from "../../packages/cloud/authority.ts";
import type { NbdConnection } from "../../packages/volume/drivers/driver.ts";

export interface ClientOptions {
  /** The client's certificate; null to speak without TLS. */
  readonly certificate: CertificateFiles | null;
  /** A folder that is the client's own. */
  readonly folder: string;
  readonly reconnectSeconds?: number;
}

const prompt = "qemu-io> ";
// A name of its own, since the check for unused packages takes what is spawned by name for one of npm's.
const qemuIo = "qemu-io";

/** Does one thing on a connection of its own; throws what `qemu-io` says when it may not. */
export async function onceOver(
  connection: NbdConnection,
  options: ClientOptions,
  command: string,
): Promise<string> {
  const { stdout } = await run("qemu-io", [...clientArguments(connection, options), "-c", command], {
    timeoutMs: 30_000,
  });
  return stdout;
}

export class NbdClient {
  readonly #process: ChildProcessWithoutNullStreams;
  #said = "";

  constructor(connection: NbdConnection, options: ClientOptions) {
    this.#process = spawn(qemuIo, clientArguments(connection, options));
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#said += text;
      });
    }
  }

  /** Resolves when it is connected. */
  async connected(): Promise<void> {
    await this.#answered();
  }

  /** What it says to a command, such as `write -P 7 0 4k`. */
  async tell(command: string): Promise<string> {
    this.#said = "";
    this.#process.stdin.write(`${command}\n`);
    return this.#answered();
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }

  async #answered(): Promise<string> {
    const isOver = () => this.#process.exitCode !== null || this.#said.endsWith(prompt);
    while (!isOver()) {
      await Promise.race([once(this.#process.stdout, "data"), once(this.#process, "exit")]);
    }
    return this.#said.replaceAll(prompt, "");
  }
}

function clientArguments(connection: NbdConnection, options: ClientOptions): string[] {
  const { address, port, exportName, tlsName } = connection;
  const { certificate, folder, reconnectSeconds = 0 } = options;
  const common = `driver=nbd,host=${address},port=${port},export=${exportName},reconnect-delay=${reconnectSeconds}`;
  if (certificate === null) return ["--image-opts", common];
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of [
    ["ca-cert.pem", certificate.ca],
    ["client-cert.pem", certificate.cert],
    ["client-key.pem", certificate.key],
  ] as const) {
    symlinkSync(path, join(folder, name));
  }
  const tls = `tls-creds-x509,id=tls,dir=${folder},endpoint=client`;
  return ["--object", tls, "--image-opts", `${common},tls-creds=tls,tls-hostname=${tlsName}`];
}
