// `micronova env`: the administrator's variables, for eval.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cliErrors } from "../errors.ts";

export async function env(options: { readonly dataDir: string }): Promise<void> {
  const path = join(options.dataDir, "openrc");
  if (!existsSync(path)) throw cliErrors.noCloud(options.dataDir);
  process.stdout.write(readFileSync(path, "utf8"));
}
