// `micronova serve`: some of a cloud's roles in this process, until it is told to stop.
import { resolve } from "node:path";
import { startRoles } from "@micronova/cloud/host";
import { systemClock } from "@micronova/kit";
import { type CloudFlags, overridesOf } from "../cloud-flags.ts";
import { widenPath } from "../prepare.ts";

export interface ServeOptions extends CloudFlags {
  readonly role: string;
  readonly name?: string;
  readonly health?: string;
}

/** A line when it has started, another when it is ready: programs that start it wait for them. */
export async function serve(options: ServeOptions): Promise<void> {
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
  say(`${what}: starting in ${dataDir}${health === null ? "" : `, health at http://${health}/readyz`}`);
  const ready = running.ready.then((origin) => {
    const seconds = ((systemClock.monotonic() - started) / 1000).toFixed(2);
    say(`${what}: ready after ${seconds} s${origin === null ? "" : `, APIs at ${origin}`}`);
  });
  await Promise.race([stopped, ready.then(() => stopped)]);
  await running.stop();
  // Everything has ended; what still waits is only for what will not come any more.
  process.exit(0);
}

function say(line: string): void {
  process.stdout.write(`micronova: ${line}\n`);
}
