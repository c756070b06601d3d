// LVM's commands: which options they need on this host, and their reports as data.
import { run } from "@micronova/kit";

export interface LvmCommands {
  /** Whether the kernel maps logical volumes to devices; otherwise only the metadata exists. */
  readonly hasMapper: boolean;
  change(command: string, args: readonly string[]): Promise<void>;
  /** Rows of a report, all sizes in bytes. */
  report(
    command: "pvs" | "vgs" | "lvs",
    fields: readonly string[],
    args?: readonly string[],
  ): Promise<readonly ReportRow[]>;
}

export type ReportRow = Readonly<Record<string, string>>;

/**
 * `onlyDevice` hides every other device from LVM, so that nothing of the operator's is ever looked at or
 * changed.
 */
export function lvmCommands(options: {
  readonly hasMapper: boolean;
  readonly hasUdev: boolean;
  readonly onlyDevice?: string;
}): LvmCommands {
  const config = configOf(options);
  const common = config === "" ? [] : ["--config", config];
  // Commands that would activate something must be told that there is no device mapper.
  const unmapped = options.hasMapper ? [] : ["--driverloaded", "n"];
  return {
    hasMapper: options.hasMapper,
    async change(command, args) {
      await run("lvm", [command, ...common, ...unmapped, ...args]);
    },
    async report(command, fields, args = []) {
      const how = ["--reportformat", "json", "--units", "b", "--nosuffix", "-o", fields.join(",")];
      const { stdout } = await run("lvm", [command, ...common, ...unmapped, ...how, ...args]);
      return rowsOf(stdout);
    },
  };
}

/** Takes the rows out of `{"report":[{"lv":[…]}]}`, whatever the inner key. */
function rowsOf(json: string): readonly ReportRow[] {
  // The documented shape of --reportformat json.
  const { report } = JSON.parse(json) as { report: readonly Record<string, readonly ReportRow[]>[] };
  return report.flatMap((part) => Object.values(part).flat());
}

function configOf(options: { readonly hasUdev: boolean; readonly onlyDevice?: string }): string {
  const { onlyDevice } = options;
  // Without udev nobody answers LVM's wait for it, nor makes the device nodes.
  const udev = options.hasUdev ? "" : "activation{udev_sync=0 udev_rules=0}";
  if (onlyDevice === undefined) return udev;
  const filter = `filter=["a|^${onlyDevice}$|","r|.*|"] global_filter=["a|.*|"]`;
  return `devices{use_devicesfile=0 ${filter}} backup{backup=0 archive=0} ${udev}`;
}
