// `micronova test`: installs what the tests need, then runs them all.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isRoot } from "../data-dir.ts";
import { clientNeeds, ensure, lvmNeeds, networkNeeds, qemuNeeds, sshNeeds, testNeeds } from "../prepare.ts";

export async function test(install: boolean): Promise<void> {
  const needs = [...qemuNeeds, ...sshNeeds, ...clientNeeds, ...testNeeds];
  await ensure(isRoot() ? [...needs, ...lvmNeeds, ...networkNeeds] : needs, install);
  const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
  const child = spawn(process.execPath, [join(root, "tools", "test.ts")], { cwd: root, stdio: "inherit" });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
