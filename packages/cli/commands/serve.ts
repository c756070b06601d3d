// `micronova serve`: some of a cloud's roles in this process, until it is told to stop.
import { join, resolve } from "node:path";
import { startRoles } from "@micronova/cloud/host";
import { systemClock } from "@micronova/kit";
import { type CloudFlags, overridesOf } from "../cloud-flags.ts";
import { runDetached, sayStarted } from "../detached.ts";
import { widenPath } from "../prepare.ts";
import { tellServiceManager } from "../service-manager.ts";

export interface ServeOptions extends CloudFlags {
  readonly role: string;
  readonly name?: string;
  readonly health?: string;
  readonly detach?: boolean;
}

/** A line when it has started, another when it is ready: programs that start it wait for them. */
export async function serve(options: ServeOptions): Promise<void> {
  if (options.detach) return void process.stdout.write(await startDetached(options));
  const started = systemClock.monotonic();
  widenPath();
  const stopped = new Promise<NodeJS.Signals>((stop) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  });
  const running = await startRoles(
    { ...overridesOf(options), data_dir: resolve(options.dataDir), health: { listen: options.health } },
    {
      roles: options.role,
      ...(options.config === undefined ? {} : { configPath: options.config }),
      ...(options.name === undefined ? {} : { hostName: options.name }),
    },
  );
  const { roles, hostName, dataDir, health } = running;
  const what = `${roles.join(", ")} of ${hostName}`;
  const at = health === null ? "" : `, health at http://${health}/readyz`;
  sayStarted(`micronova: ${what}: starting in ${dataDir}${at}\n`, process.stdout);
  // Units do not wait for each other: it has started, and what it waits for is its status.
  await tellServiceManager("ready", `${what}: starting`);
  const ready = running.ready.then(async (origin) => {
    const seconds = ((systemClock.monotonic() - started) / 1000).toFixed(2);
    say(`${what}: ready after ${seconds} s${origin === null ? "" : `, APIs at ${origin}`}`);
    await tellServiceManager(null, `${what}: ready`);
  });
  await Promise.race([stopped, ready.then(() => stopped)]);
  await tellServiceManager("stopping", `${what}: stopping`);
  await running.stop();
  // Everything has ended; what still waits is only for what will not come any more.
  process.exit(0);
}

/** Starts it in a process of its own; the answer is its first line, and it may wait for others afterwards. */
function startDetached(options: ServeOptions): Promise<string> {
  const dataDir = resolve(options.dataDir);
  const { role, detach: _detach, ...rest } = options;
  const flags = Object.entries({ ...rest, dataDir }).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === true ? [flag] : [flag, String(value)];
  });
  const log = join(dataDir, "log", `serve-${role.replaceAll(",", "-")}.log`);
  return runDetached(["serve", "--role", role, ...flags], log);
}

function say(line: string): void {
  process.stdout.write(`micronova: ${line}\n`);
}
