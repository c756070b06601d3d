// `micronova up`: runs the cloud in this process, or starts it in one of its own and returns when it is
// ready.
import { join, resolve } from "node:path";
import { type Cloud, startCloud } from "@micronova/cloud";

import { type CloudFlags, overridesOf } from "../cloud-flags.ts";
import { runDetached, sayStarted } from "../detached.ts";
import { ensureForCloud } from "../prepare.ts";

export interface UpOptions extends CloudFlags {
  readonly ephemeral?: boolean;
  readonly detach?: boolean;
  /** The seed, or true for the one everybody has. */
  readonly faults?: string | true;
}

export async function up(options: UpOptions, install: boolean): Promise<void> {
  const started = performance.now();
  await ensureForCloud(options.virt ?? "auto", install);
  if (options.detach) return void process.stderr.write(await startDetached(options));
  const faultSeed = seedOf(options);
  const cloud = await startCloud(
    { ...overridesOf(options), ephemeral: options.ephemeral },
    {
      ...(options.config === undefined ? {} : { configPath: options.config }),
      ...(faultSeed === null ? {} : { faultSeed }),
    },
  );
  const stopped = new Promise<NodeJS.Signals>((stop) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  });
  const text = banner(cloud, performance.now() - started, faultSeed);
  sayStarted(text, process.stderr);
  await stopped;
  await cloud.stop();
  // Everything has ended; what still waits is only for what will not come any more.
  process.exit(0);
}

/** Starts `up` in a process of its own and returns its banner once it is ready. */
export function startDetached(options: UpOptions): Promise<string> {
  const dataDir = resolve(options.dataDir);
  return runDetached(upArguments({ ...options, dataDir }), join(dataDir, "log", "up.log"));
}

function upArguments(options: UpOptions): string[] {
  const flag = (name: string, value: string | undefined) => (value === undefined ? [] : [name, value]);
  return [
    "up",
    ...flag("--data-dir", options.dataDir),
    ...flag("--config", options.config),
    ...flag("--listen", options.listen),
    ...flag("--port", options.port),
    ...flag("--virt", options.virt),
    ...flag("--fake-hosts", options.fakeHosts),
    ...flag("--fake-delay", options.fakeDelay),
    ...(options.insecure ? ["--insecure"] : []),
    ...(options.ephemeral ? ["--ephemeral"] : []),
    ...(options.faults === undefined ? [] : [`--faults=${seedOf(options)}`]),
  ];
}

const usualSeed = "1";

function seedOf({ faults }: UpOptions): string | null {
  return faults === true ? usualSeed : (faults ?? null);
}

function banner(cloud: Cloud, startMs: number, faultSeed: string | null): string {
  const clouds = join(cloud.dataDir, "clouds.yaml");
  return [
    `Micronova is up at ${cloud.origin} after ${(startMs / 1000).toFixed(2)} s.`,
    `  guests    ${cloud.virt.driver}: ${cloud.virt.why}`,
    `  data      ${cloud.dataDir}`,
    "  users     admin (cloud micronova-admin) and demo (cloud micronova); passwords are in clouds.yaml",
    ...(faultSeed === null
      ? []
      : [
          `  faults    ON, seed ${faultSeed}: this cloud fails on purpose when told to (micronova fault --help)`,
        ]),
    "What to type next:",
    `  export OS_CLIENT_CONFIG_FILE=${clouds} OS_CLOUD=micronova-admin`,
    "  openstack catalog list",
    "  openstack server create --image tiny --flavor m1.tiny --network private --wait first",
    "",
  ].join("\n");
}
