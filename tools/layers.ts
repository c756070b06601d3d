// Holds every import against the dependency rule of ARCHITECTURE.md. `--graph` prints the packages' graph
// instead.
import { dirname, join, normalize } from "node:path";
import { type Finding, readSources, report, type Source } from "./sources.ts";

const rule =
  "A package imports only packages before it in the order of tools/layers.ts; inside a service package api → nouns ← " +
  "sagas → worker/contract, worker → drivers; drivers and the scheduler import only kit, node modules and themselves.";

/** From the bottom up. Packages of one row do not know each other; service packages are a row each. */
const layers: readonly (readonly string[])[] = [
  ["kit"],
  ["store", "amqp", "http", "guest"],
  ["rpc", "management"],
  ["saga"],
  ["faults"],
  ["operations"],
  ["identity"],
  ["image"],
  ["placement"],
  ["network"],
  ["volume"],
  ["compute"],
  ["cloud", "client"],
  ["cli"],
];
const layerOf = new Map(layers.flatMap((row, layer) => row.map((name) => [name, layer] as const)));

/**
 * Folder of a service package → folders of the same package it may not import. "" is the package's root: its
 * nouns.
 */
const forbiddenInside: Readonly<Record<string, readonly string[]>> = {
  "": ["api"],
  api: ["drivers", "worker"],
  sagas: ["api", "drivers", "reconcilers"],
  worker: ["api", "sagas", "reconcilers"],
  drivers: ["", "api", "sagas", "worker", "reconcilers", "metadata", "scheduler"],
  scheduler: ["", "api", "sagas", "worker", "reconcilers", "metadata", "drivers"],
};
// What everybody inside may see: the contract with the worker is types and timeouts, the driver's interface
// is types.
const openFiles = new Set(["worker/contract.ts", "drivers/driver.ts"]);
// The files that put a package together see all of it.
const composers = new Set(["index.ts", "service.ts", "testing.ts"]);
const closedFolders = new Set(["drivers", "scheduler"]);

const sources = readSources();
if (process.argv.includes("--graph")) printGraph(sources);
else report("layers", sources.flatMap(check));

function check(source: Source): Finding[] {
  const [top, name = "", ...rest] = source.path.split("/");
  if (top !== "packages" || source.path.endsWith(".test.ts") || rest.length === 0) return [];
  return source.imports.flatMap(({ from, line }) => {
    const problem = from.startsWith("@micronova/")
      ? packageProblem(name, rest, from.split("/")[1]!)
      : from.startsWith(".")
        ? folderProblem(name, rest, from)
        : null;
    return problem === null ? [] : [{ path: source.path, line, text: `${problem}. ${rule}` }];
  });
}

function packageProblem(name: string, rest: readonly string[], wanted: string): string | null {
  const own = layerOf.get(name);
  const other = layerOf.get(wanted);
  if (own === undefined) return `package ${name} has no layer`;
  if (other === undefined) return `package ${wanted} has no layer`;
  if (other >= own) return `${name} imports ${wanted}`;
  if (closedFolders.has(rest[0]!) && wanted !== "kit") return `${name}/${rest[0]} imports ${wanted}`;
  return null;
}

function folderProblem(name: string, rest: readonly string[], from: string): string | null {
  const target = normalize(join(dirname(rest.join("/")), from));
  if (target.startsWith("..")) return `${name} reaches outside its package: ${from}`;
  const folder = rest.length === 1 ? "" : rest[0]!;
  const wanted = target.includes("/") ? target.split("/")[0]! : "";
  if (openFiles.has(target) || (folder === "" && composers.has(rest[0]!))) return null;
  const isForbidden = wanted !== folder && (forbiddenInside[folder] ?? []).includes(wanted);
  return isForbidden ? `${name}/${folder || "*"} imports ${target}` : null;
}

function printGraph(all: readonly Source[]): void {
  for (const name of layers.flat()) {
    const own = all.filter((source) => source.path.startsWith(`packages/${name}/`));
    const imported = own
      .filter((source) => !source.path.endsWith(".test.ts"))
      .flatMap((source) => source.imports);
    const names = imported
      .map(({ from }) => /^@micronova\/([^/]+)/.exec(from)?.[1])
      .filter((to) => to !== undefined);
    process.stdout.write(`${name} → ${[...new Set(names)].sort().join(", ") || "–"}\n`);
  }
}
