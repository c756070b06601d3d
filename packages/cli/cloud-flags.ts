// What the command line lays over a cloud's configuration.
import { resolve } from "node:path";
import type { CloudOverrides } from "@micronova/cloud/host";
import { wholeNumber } from "./numbers.ts";

export interface CloudFlags {
  readonly dataDir: string;
  readonly config?: string;
  readonly listen?: string;
  readonly port?: string;
  readonly virt?: "auto" | "qemu" | "fake";
  readonly fakeHosts?: string;
  readonly fakeDelay?: string;
  readonly insecure?: boolean;
}

export function overridesOf(options: CloudFlags): CloudOverrides {
  return {
    data_dir: resolve(options.dataDir),
    listen: options.listen,
    port: numberOf("--port", options.port),
    insecure: options.insecure,
    virt: {
      driver: options.virt,
      fake_hosts: numberOf("--fake-hosts", options.fakeHosts),
      fake_delay_ms: numberOf("--fake-delay", options.fakeDelay),
    },
  };
}

function numberOf(option: string, value: string | undefined): number | undefined {
  return value === undefined ? undefined : wholeNumber(option, value);
}
