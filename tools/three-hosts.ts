// Three hosts in namespaces on this machine, from the command line: for docs/guides/three-hosts.md, and to
// try by hand what only several hosts can do. Needs root.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  type Hosts,
  isUp,
  makeHosts,
  on,
  powerOff,
  removeHosts,
  setLink,
} from "../tests/support/hosts-in-namespaces.ts";

const help = `node_modules/.bin/node tools/three-hosts.ts COMMAND
  up [--prefix 10.77.77]   makes the hosts h1, h2 and h3 at PREFIX.1 to PREFIX.3; this machine is PREFIX.254
  list                     their names and addresses
  on HOST COMMAND…         runs a command on a host
  cut HOST, join HOST      takes a host off the wire, and puts it back
  off HOST                 ends all that runs on a host at once, as a power cut does; it does not come back
  down                     removes them with all that runs on them`;

const names = ["h1", "h2", "h3"];
/** Entering a host's mounts leads to their root: a command goes on in the directory it was asked for in. */
const here = ["sh", "-c", 'cd "$0" && exec "$@"', process.cwd()];
/** Forgotten when the machine restarts, as the hosts are. */
const statePath = "/run/micronova-three-hosts.json";

const { values, positionals } = parseArgs({
  options: { prefix: { type: "string", default: "10.77.77" }, help: { type: "boolean", default: false } },
  allowPositionals: true,
  // What follows the host is for the command there.
  args: ownArguments(process.argv.slice(2)),
});
const [command, name] = positionals;
if (values.help || command === undefined) print(help);
else await act(command);

function ownArguments(all: readonly string[]): string[] {
  return all[0] === "on" ? all.slice(0, 2) : [...all];
}

async function act(what: string): Promise<void> {
  if (what === "up") return up();
  if (what === "down") return down();
  const hosts = made();
  if (what === "list") return list(hosts);
  const host = hosts.hosts.find((one) => one.name === name);
  if (host === undefined) return refuse(`name one of ${names.join(", ")}`);
  if (what === "on") return runOn(on(host, ...here, ...process.argv.slice(4)));
  if (what === "cut") return setLink(hosts, host, "down");
  if (what === "join") return setLink(hosts, host, "up");
  if (what === "off") return powerOff(host);
  refuse(`there is no command ${what}\n${help}`);
}

async function up(): Promise<void> {
  if (existsSync(statePath)) {
    const before = read();
    if (isUp(before)) return list(before);
    await removeHosts(before);
  }
  const hosts = await makeHosts({ names, prefix: values.prefix, outlive: true });
  writeFileSync(statePath, JSON.stringify(hosts));
  list(hosts);
}

async function down(): Promise<void> {
  if (!existsSync(statePath)) return;
  await removeHosts(read());
  rmSync(statePath);
}

function made(): Hosts {
  if (existsSync(statePath)) return read();
  return refuse("there are no hosts; make them with `up`");
}

function read(): Hosts {
  return JSON.parse(readFileSync(statePath, "utf8"));
}

function list({ hosts, address }: Hosts): void {
  for (const host of hosts) print(`${host.name}  ${host.address}`);
  print(`this machine  ${address}`);
}

/** In the command's own words and with its own end. */
function runOn([program, args]: readonly [string, readonly string[]]): void {
  const child = spawn(program, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  child.once("exit", (code) => process.exit(code ?? 1));
}

function refuse(why: string): never {
  process.stderr.write(`three-hosts: ${why}\n`);
  process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
