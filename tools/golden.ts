// `npm run golden`: writes docs/reference from the code. With `--check` it writes nothing and says which
// files differ from what the code would write.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CloudReference, cloudConfig, cloudReference } from "@micronova/cloud";
import { apiPages, microversionsPage, openApiFiles } from "./golden/api.ts";
import { cliPage } from "./golden/cli.ts";
import { configurationPage } from "./golden/configuration.ts";
import { errorsPage } from "./golden/errors.ts";
import { policiesPage } from "./golden/policies.ts";
import { brokenPromises, type SagaSteps, sagasFile, sagasPage, stepsOf } from "./golden/sagas.ts";
import { statePages } from "./golden/states.ts";
import { root } from "./sources.ts";

const folder = join(root, "docs", "reference");
/** Written by another command, since it takes minutes. */
const elsewhere: ReadonlySet<string> = new Set(["kill-matrix.md"]);

export type Files = ReadonlyMap<string, string>;

/** Every file of docs/reference by its path inside it. */
async function wantedFiles(reference: CloudReference, steps: SagaSteps): Promise<Files> {
  return new Map([
    ...statePages(reference),
    ...apiPages(reference),
    ...openApiFiles(reference),
    ["microversions.md", microversionsPage(reference)],
    ["policies.md", policiesPage(reference)],
    ["configuration.md", configurationPage(cloudConfig)],
    ["errors.md", errorsPage(reference)],
    ["sagas.md", sagasPage(reference)],
    [sagasFile, `${JSON.stringify(steps, null, 2)}\n`],
    ["cli.md", await cliPage()],
  ]);
}

function presentFiles(): Files {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")] as const);
  return new Map(texts.filter(([path]) => !elsewhere.has(path)));
}

/** One sentence for each file that is missing, differs, or should not be there. */
export function differences(present: Files, wanted: Files): string[] {
  const extra = [...present.keys()].filter((path) => !wanted.has(path));
  return [
    ...[...wanted].flatMap(([path, text]) => {
      const old = present.get(path);
      if (old === undefined) return [`${path} is missing.`];
      return old === text ? [] : [`${path} differs in line ${firstDifference(old, text)}.`];
    }),
    ...extra.map((path) => `${path} comes from nothing in the code.`),
  ];
}

function firstDifference(old: string, text: string): number {
  const lines = old.split("\n");
  const at = text.split("\n").findIndex((line, n) => line !== lines[n]);
  return (at === -1 ? lines.length - 1 : at) + 1;
}

function write(present: Files, wanted: Files): void {
  for (const path of present.keys()) if (!wanted.has(path)) rmSync(join(folder, path));
  for (const [path, text] of wanted) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

async function main(isCheck: boolean): Promise<void> {
  const reference = await cloudReference();
  const steps = stepsOf(reference);
  const present = presentFiles();
  // The golden file is ours, and was written by this program.
  const golden = JSON.parse(present.get(sagasFile) ?? "{}") as SagaSteps;
  const broken = brokenPromises(golden, steps);
  const wanted = await wantedFiles(reference, broken.length === 0 ? steps : golden);
  const found = differences(present, wanted).map((text) => `docs/reference/${text}`);
  if (!isCheck) write(present, wanted);
  const faults = [...broken, ...(isCheck ? found : [])];
  const advice = [
    ...(broken.length > 0 ? [sagaAdvice] : []),
    ...(isCheck && found.length > 0 ? ["Run `npm run golden` and commit docs/reference."] : []),
  ];
  const closing = isCheck ? `${wanted.size} files` : `${wanted.size} files, ${found.length} changed`;
  process.stdout.write(`${[...faults, ...advice, `golden: ${closing}`].join("\n")}\n`);
  if (faults.length > 0) process.exitCode = 1;
}

const sagaAdvice =
  "Steps of a released saga are only appended to: give the new shape a new name and keep the old one until no log has it. " +
  `For a saga that was never released, remove its entry from docs/reference/${sagasFile} and run \`npm run golden\`.`;

if (import.meta.main) await main(process.argv.includes("--check"));
