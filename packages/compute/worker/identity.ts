// The host's id, which is also its resource provider's: it must stay the same for as long as guests may be
// there.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random, Uuid } from "@micronova/kit";

/** Made once and kept on the host's disk: a host that is renamed beside its guests stays itself. */
export async function hostIdentity(stateDir: string, random: Random): Promise<Uuid> {
  const path = join(stateDir, "compute_id");
  const known = await readIfThere(path);
  if (known !== null) return known.trim();
  const fresh = random.uuid();
  await mkdir(stateDir, { recursive: true });
  // Written aside and renamed, so that a crash leaves either no id or a whole one.
  await writeFile(`${path}.new`, `${fresh}\n`);
  await rename(`${path}.new`, path);
  return fresh;
}

/** The id of a host that keeps nothing, such as one of hundreds of fake ones: its name is its identity. */
export function identityOfName(host: string): Uuid {
  const hex = createHash("sha256").update(`compute host ${host}`).digest("hex");
  const variant = "89ab"[Number.parseInt(hex[16]!, 16) % 4];
  const groups = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
  ];
  return [...groups, hex.slice(20, 32)].join("-");
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
