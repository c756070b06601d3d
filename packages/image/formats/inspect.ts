// Decides once, when the bytes have arrived, whether an image is what it was declared to be. Everybody after
// that passes the declared format on, and nobody probes again.
import { open } from "node:fs/promises";
import { imageErrors } from "../errors.ts";
import { detectFormat } from "./detect.ts";
import { checkQcow2 } from "./qcow2.ts";

/** What a declared format's content may be. Kernels and ramdisks of any kind have no disk format's mark. */
const contents: Readonly<Record<string, readonly string[]>> = {
  raw: ["raw", "iso"],
  qcow2: ["qcow2"],
  iso: ["iso"],
  ami: ["raw"],
  aki: ["raw"],
  ari: ["raw"],
};

/** The image's virtual size in bytes; throws when its content is not what was declared, or is unsafe. */
export async function inspect(path: string, size: number, declared: string): Promise<number> {
  const allowed = contents[declared];
  if (allowed === undefined) throw imageErrors.formatUnsupported(declared);
  const file = await open(path, "r");
  try {
    const found = await detectFormat(file);
    if (!allowed.includes(found)) throw imageErrors.formatMismatch(declared, found);
    return found === "qcow2" ? await checkQcow2(file, size) : size;
  } finally {
    await file.close();
  }
}
