// Debian's packages as a source of files: which versions there are, fetching them, unpacking them. Nothing is
// installed.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isFault, processErrors, run } from "@micronova/kit";
import { guestErrors } from "./errors.ts";
import { builderPackages, kernelMetaPackage, programPackages } from "./recipe.ts";

/** One package file, named with its version, as the archive offers it now. */
export interface PackageFile {
  readonly name: string;
  readonly file: string;
  readonly digest: string;
}

// Of what the programs depend on, only libraries matter here; the rest (debconf, dpkg …) serves installing.
const libraryPattern = /^(lib|zlib)/;
// Fifty megabytes over a slow line.
const downloadTimeoutMs = 15 * 60_000;

/** The packages the guest is built of, in the versions of the machine's package lists. */
export async function resolvePackages(): Promise<readonly PackageFile[]> {
  const kernels = await apt("apt-cache", ["depends", kernelMetaPackage]);
  const kernel = /Depends: (linux-image-\S+)/.exec(kernels)?.[1];
  if (kernel === undefined) throw guestErrors.noPackages(kernelMetaPackage);
  const wanted = [...programPackages, ...builderPackages];
  const noise = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
  const closure = await apt("apt-cache", [
    "depends",
    "--recurse",
    ...noise.map((relation) => `--no-${relation}`),
    ...wanted,
  ]);
  const names = new Set(closure.split("\n").filter((line) => libraryPattern.test(line)));
  // In an empty folder, so that apt names every file and not only those that are missing.
  const uris = await apt("apt-get", ["download", "--print-uris", kernel, ...wanted, ...names], "/");
  return [...uris.matchAll(/^'(\S+)' (\S+) \d+ (\S+)$/gm)].map((match) => ({
    name: decodeURIComponent(match[2]!).split("_")[0]!,
    file: match[2]!,
    digest: match[3]!,
  }));
}

/** Fetches the packages (apt checks their digests) and unpacks them all into `root`. */
export async function unpackPackages(
  packages: readonly PackageFile[],
  folder: string,
  root: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await mkdir(root, { recursive: true });
  await apt("apt-get", ["-q", "download", ...packages.map((file) => file.name)], folder);
  for (const { file } of packages) await run("dpkg-deb", ["-x", join(folder, file), root]);
}

async function apt(program: string, args: readonly string[], cwd?: string): Promise<string> {
  try {
    const options = cwd === undefined ? {} : { cwd };
    return (await run(program, args, { timeoutMs: downloadTimeoutMs, ...options })).stdout;
  } catch (error) {
    if (isFault(error, processErrors.notFound)) throw guestErrors.noApt();
    if (isFault(error, processErrors.failed)) throw guestErrors.aptFailed(error.message);
    throw error;
  }
}
