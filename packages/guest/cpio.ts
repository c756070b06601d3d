// Writes a folder as a cpio archive in the kernel's format ("newc", see the kernel's buffer-format.rst),
// owned by root.
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

const trailer = "TRAILER!!!";

/**
 * The archive of everything below `root`. Owners are root's but for `/home/<user>`, which gets `homeOwner`.
 */
export async function cpioOf(root: string, homeOwner: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const path of await pathsBelow(root)) {
    const stats = await lstat(join(root, path));
    const data = stats.isSymbolicLink()
      ? Buffer.from(await readlink(join(root, path)))
      : stats.isFile()
        ? await readFile(join(root, path))
        : Buffer.alloc(0);
    const owner = path.startsWith("home/") ? homeOwner : 0;
    parts.push(header({ path, mode: stats.mode, owner, inode: inode++, size: data.length }), padded(data));
  }
  parts.push(header({ path: trailer, mode: 0, owner: 0, inode: 0, size: 0 }));
  return Buffer.concat(parts);
}

/**
 * Every file and folder below `root`, folders before what they hold, in a fixed order; links are not
 * followed.
 */
export async function pathsBelow(root: string, folder = ""): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const paths = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? [path, ...(await pathsBelow(root, path))] : [path];
  });
  return (await Promise.all(paths)).flat().sort();
}

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly owner: number;
  readonly inode: number;
  readonly size: number;
}

function header(entry: Entry): Buffer {
  const name = Buffer.from(`${entry.path}\0`);
  // Times and device numbers are zero, so that the same files give the same bytes.
  const fields = [
    entry.inode,
    entry.mode,
    entry.owner,
    entry.owner,
    1,
    0,
    entry.size,
    0,
    0,
    0,
    0,
    name.length,
    0,
  ];
  const hex = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  return padded(Buffer.concat([Buffer.from(`070701${hex}`), name]));
}

function padded(data: Buffer): Buffer {
  return data.length % 4 === 0 ? data : Buffer.concat([data, Buffer.alloc(4 - (data.length % 4))]);
}
