// `micronova doctor`: what is not as it must be, and with `--fix` the repairs, shown before they are started.
import { createInterface } from "node:readline/promises";
import type { Client } from "@micronova/client";
import { cliErrors } from "../errors.ts";
import { reachCloud } from "../running-cloud.ts";
import { type Format, printRows } from "../table.ts";

export interface DoctorOptions {
  readonly dataDir: string;
  readonly format: Format;
  readonly fix?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

interface Finding {
  readonly id: string;
  readonly rule: string;
  readonly text: string;
  readonly repair: string | null;
}

interface Examination {
  readonly rules: number;
  readonly findings: readonly Finding[];
  readonly unanswered: readonly { readonly host: string; readonly why: string }[];
}

// The check failed: something is not as it must be.
const statusFound = 4;

export async function doctor(options: DoctorOptions): Promise<void> {
  const { client } = await reachCloud(options);
  const found: Examination = await client.call("operations", "/doctor");
  print(options.format, found);
  for (const { host, why } of found.unanswered)
    process.stderr.write(`micronova: ${host} was not examined: ${why}\n`);
  if (found.findings.length > 0) process.exitCode = statusFound;
  const mendable = found.findings.filter(({ repair }) => repair !== null);
  if (options.fix !== true || mendable.length === 0) return;
  process.stderr.write(plan(mendable));
  if (options.dryRun === true) return;
  if (options.yes !== true && !(await isConfirmed(mendable.length))) return;
  await mend(client, mendable);
}

function print(format: Format, { rules, findings }: Examination): void {
  if (format !== "table") {
    const rows = findings.map((one) => ({ ...one }));
    printRows(format, ["id", "rule", "text", "repair"], rows);
    return;
  }
  if (findings.length === 0) {
    process.stdout.write(`All ${rules} rules hold.\n`);
    return;
  }
  for (const [rule, broken] of Map.groupBy(findings, (one) => one.rule)) {
    process.stdout.write(`Not so: ${rule}.\n`);
    for (const { id, text } of broken) process.stdout.write(`  ${id}  ${text}\n`);
    const [{ repair }] = broken as [Finding];
    process.stdout.write(
      `              ${repair === null ? "Nothing of ours mends it." : `To mend it: ${repair}`}\n`,
    );
  }
}

function plan(mendable: readonly Finding[]): string {
  const lines = mendable.map(({ id, text, repair }) => `  ${id}  ${text}\n              → ${repair}`);
  return `Repairs:\n${lines.join("\n")}\n`;
}

async function isConfirmed(count: number): Promise<boolean> {
  if (!process.stdin.isTTY) throw cliErrors.repairNeedsYes();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Start ${count === 1 ? "it" : `these ${count}`}? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

async function mend(client: Client, mendable: readonly Finding[]): Promise<void> {
  const body = { findings: mendable.map(({ id }) => id) };
  const { repairs } = await client.call("operations", "/doctor/repairs", { method: "POST", body });
  for (const { finding, saga_id: sagaId } of repairs) {
    const what = sagaId === null ? "left alone: nothing proves that it may be done" : `saga ${sagaId}`;
    process.stderr.write(`  ${finding.id}  ${what}\n`);
  }
}
