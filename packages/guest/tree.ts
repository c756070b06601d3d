// Lays out the guest's root filesystem as a folder: programs with the libraries they load, kernel modules in
// the order to load them, and our own scripts. A second, smaller folder is what the disk's kernel starts
// from.
import { chmod, copyFile, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { run } from "@micronova/kit";
import { guestErrors } from "./errors.ts";
import {
  folderLinks,
  folders,
  modules,
  ownFiles,
  packageFiles,
  programs,
  shellLink,
  textFiles,
} from "./recipe.ts";

const filesFolder = join(import.meta.dirname, "files");
const architectureFolder = "x86_64-linux-gnu";
const headerBytesMax = 4096;
const loader = "lib64/ld-linux-x86-64.so.2";

/** Fills `tree` with the whole guest, from packages unpacked in `packages`. */
export async function layOutGuest(packages: string, tree: string): Promise<void> {
  await layOutFolders(tree);
  for (const program of programs) await copyProgram(packages, program, tree);
  await symlink(shellLink.target, join(tree, "bin", shellLink.name));
  await linkApplets(packages, tree);
  await copyFile(join(packages, loader), join(tree, loader));
  await chmod(join(tree, loader), 0o755);
  const order = await copyModules(packages, tree, [...modules.disks, ...modules.others]);
  await writeModuleLists(tree, order);
  for (const [source, target] of Object.entries(packageFiles)) {
    await copyFile(join(packages, source), join(tree, target));
  }
  for (const [name, target] of Object.entries(ownFiles)) await place(tree, target, await ownFile(name));
  for (const [target, text] of Object.entries(textFiles)) await place(tree, target, text);
  // Busybox keeps root's rights only for the applets that need them (su, login, ping …) and drops them for
  // the others.
  await chmod(join(tree, "bin/busybox"), 0o4755);
  await chmod(join(tree, "etc/shadow"), 0o600);
  await chmod(join(tree, "tmp"), 0o1777);
}

/** Fills `tree` with the ramdisk of the bootable disk: busybox, the drivers of disks, `init`. */
export async function layOutDiskRamdisk(packages: string, tree: string): Promise<void> {
  for (const folder of ["dev", "proc", "sys", "mnt", "lib/modules", "bin"]) await makeFolder(tree, folder);
  await symlink("bin", join(tree, "sbin"));
  await copyProgram(packages, "bin/busybox", tree);
  await linkApplets(packages, tree);
  await writeModuleLists(tree, await copyModules(packages, tree, modules.disks));
  await place(tree, "init", await ownFile("init"));
}

/**
 * A program's arguments that run it with the libraries of its own package tree, whatever this machine has.
 */
export function fromPackages(packages: string, program: string): readonly [string, readonly string[]] {
  const libraries = ["lib", "usr/lib"].map((folder) => join(packages, folder, architectureFolder)).join(":");
  return [join(packages, loader), ["--library-path", libraries, join(packages, program)]];
}

async function layOutFolders(tree: string): Promise<void> {
  for (const folder of ["bin", "lib", "usr", "etc", ...folders]) await makeFolder(tree, folder);
  for (const [link, target] of Object.entries(folderLinks)) await symlink(target, join(tree, link));
}

async function makeFolder(tree: string, folder: string): Promise<void> {
  await mkdir(join(tree, folder), { recursive: true });
}

async function place(tree: string, target: string, text: string): Promise<void> {
  await makeFolder(tree, dirname(target));
  await writeFile(join(tree, target), text);
  await chmod(join(tree, target), text.startsWith("#!") ? 0o755 : 0o644);
}

function ownFile(name: string): Promise<string> {
  return readFile(join(filesFolder, name), "utf8");
}

async function copyProgram(packages: string, program: string, tree: string): Promise<void> {
  const target = join(tree, "bin", basename(program));
  await copyFile(join(packages, program), target);
  await chmod(target, 0o755);
  for (const library of await librariesOf(packages, program)) {
    await copyFile(library, join(tree, "lib", basename(library)));
  }
}

/** Asks the guest's own loader, not the machine's. A static program has none. */
async function librariesOf(packages: string, program: string): Promise<string[]> {
  const [command, args] = fromPackages(packages, program);
  // A program that wants a loader names it right behind its headers.
  const headers = (await readFile(join(packages, program))).subarray(0, headerBytesMax);
  const isStatic = !headers.includes(basename(loader));
  if (isStatic) return [];
  const { stdout } = await run(command, ["--list", ...args]);
  return [...stdout.matchAll(/=> (\S+)/g)]
    .map((match) => match[1]!)
    .filter((path) => path.startsWith(packages));
}

/** Every applet of busybox under its name, unless a real program has the name already. */
async function linkApplets(packages: string, tree: string): Promise<void> {
  const own = Object.values(ownFiles).filter((path) => path.startsWith("bin/"));
  const taken = new Set([...(await readdir(join(tree, "bin"))), ...own.map((path) => basename(path))]);
  const { stdout } = await run(join(packages, "bin/busybox"), ["--list"]);
  const applets = stdout.split("\n").filter((applet) => applet !== "" && !taken.has(applet));
  for (const applet of applets) await symlink("busybox", join(tree, "bin", applet));
}

/** Copies the modules and all they depend on; returns the file names in the order to load them. */
async function copyModules(
  packages: string,
  tree: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const files = await moduleFiles(join(packages, "lib/modules"));
  const order: string[] = [];
  const add = async (name: string): Promise<void> => {
    const file = files.get(name.replaceAll("-", "_"));
    if (file === undefined) throw guestErrors.noModule(name);
    if (order.includes(basename(file))) return;
    const data = await readFile(file);
    for (const needed of dependenciesOf(data)) await add(needed);
    order.push(basename(file));
    await writeFile(join(tree, "lib/modules", basename(file)), data);
  };
  await makeFolder(tree, "lib/modules");
  for (const name of names) await add(name);
  return order;
}

async function moduleFiles(folder: string): Promise<ReadonlyMap<string, string>> {
  const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(".ko"));
  return new Map(paths.map((path) => [basename(path, ".ko").replaceAll("-", "_"), join(folder, path)]));
}

/** A module says in its `.modinfo` section which modules it needs: `depends=a,b`, ended by a zero byte. */
function dependenciesOf(module: Buffer): string[] {
  const mark = "\0depends=";
  const start = module.indexOf(mark) + mark.length;
  if (start < mark.length) return [];
  const text = module.toString("latin1", start, module.indexOf(0, start));
  return text.split(",").filter((name) => name !== "");
}

/** `disks` is loaded before the root filesystem is there, `others` by the boot script. */
async function writeModuleLists(tree: string, order: readonly string[]): Promise<void> {
  const lastDisk = Math.max(...modules.disks.map((name) => order.indexOf(`${name}.ko`)));
  const text = (names: readonly string[]) => names.map((name) => `/lib/modules/${name}\n`).join("");
  await writeFile(join(tree, "lib/modules/disks"), text(order.slice(0, lastDisk + 1)));
  await writeFile(join(tree, "lib/modules/others"), text(order.slice(lastDisk + 1)));
}
