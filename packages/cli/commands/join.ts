// `micronova join`: takes what the cloud gives to a host that comes with a token, keeps it in the data directory,
// and runs the host's workers.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join as pathOf, resolve } from "node:path";
import { keepCertificate } from "@micronova/cloud";
import { configText } from "@micronova/kit/config";
import { cliErrors } from "../errors.ts";
import { readToken } from "../host-token.ts";
import { postPinned } from "../pinned.ts";
import { ensureForCloud } from "../prepare.ts";
import { serve } from "./serve.ts";

interface JoinOptions {
  readonly dataDir: string;
  readonly name?: string;
  readonly health?: string;
  readonly virt?: "auto" | "qemu" | "fake";
  readonly fakeHosts?: string;
  readonly start: boolean;
}

interface Given {
  readonly roles: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, string>>;
  readonly certificate: Parameters<typeof keepCertificate>[1];
}

const configName = "host.toml";

export async function join(text: string, options: JoinOptions, install: boolean): Promise<void> {
  const { url, pin, secret } = readToken(text);
  const dataDir = resolve(options.dataDir);
  const configPath = pathOf(dataDir, configName);
  if (existsSync(configPath) || existsSync(pathOf(dataDir, "format"))) throw cliErrors.joinedAlready(dataDir);
  await ensureForCloud(options.virt ?? "auto", install);
  const name = options.name ?? hostname();
  // Before anything is asked: what could not be kept would be lost.
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const answer = await postPinned(`${url}/operations/v1/hosts`, pin, { token: secret, host: name });
  if (answer.status !== 201) throw cliErrors.joinRefused(url, answer.body?.error?.message ?? answer.status);
  const given: Given = answer.body.host;
  await keepCertificate(pathOf(dataDir, "tls"), given.certificate);
  keep(dataDir, url, given);
  const role = given.roles.join(",");
  const command = `micronova serve --role ${role} --config ${configPath} --data-dir ${dataDir} --name ${name}`;
  process.stdout.write(`micronova: ${name} joined ${url}; it runs with: ${command}\n`);
  const { start, ...rest } = options;
  if (start) await serve({ ...rest, dataDir, name, role, config: configPath });
}

/** The files first, then the configuration that names them. */
function keep(dataDir: string, url: string, { config, files }: Given): void {
  const settings: Record<string, unknown> = { public_url: url, ...config };
  for (const [setting, text] of Object.entries(files)) {
    const [section = "", name = ""] = setting.split(".");
    const path = pathOf(dataDir, `${section}-${name}.pem`);
    writeFileSync(path, text, { mode: 0o600 });
    settings[section] = { ...(settings[section] as object | undefined), [name]: path };
  }
  writeFileSync(pathOf(dataDir, configName), configText(settings), { mode: 0o600 });
}
