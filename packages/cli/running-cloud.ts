// The cloud of a data directory, as its administrator reaches it.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Client, connect } from "@micronova/client";
import { runningPid, runningRoles } from "@micronova/cloud";
import { cliErrors } from "./errors.ts";
import { readOpenrc } from "./openrc.ts";

export interface ReachedCloud {
  readonly dataDir: string;
  readonly pid: number;
  readonly authUrl: string;
  readonly client: Client;
}

// Who looks after a cloud that fails on purpose is not to be kept from it.
const pastFaults = { "x-micronova-faults": "off" };

/** Throws a sentence when there is no cloud, or it does not run. */
export async function reachCloud(options: { readonly dataDir: string }): Promise<ReachedCloud> {
  const dataDir = resolve(options.dataDir);
  const openrc = join(dataDir, "openrc");
  if (!existsSync(openrc)) throw cliErrors.noCloud(dataDir);
  // Where roles are processes of their own, this is the one that answers.
  const pid = runningPid(dataDir) ?? runningRoles(dataDir).get("api") ?? null;
  if (pid === null) throw cliErrors.notRunning(dataDir);
  const credentials = readOpenrc(readFileSync(openrc, "utf8"));
  const client = await connect(credentials, pastFaults);
  return { dataDir, pid, authUrl: credentials.authUrl, client };
}
