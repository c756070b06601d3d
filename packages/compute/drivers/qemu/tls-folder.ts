// A host's certificate as QEMU wants to find it: a folder with files of certain names.
import { mkdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";

/** Files in PEM form. */
export interface HostCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const names = {
  client: { ca: "ca-cert.pem", cert: "client-cert.pem", key: "client-key.pem" },
  server: { ca: "ca-cert.pem", cert: "server-cert.pem", key: "server-key.pem" },
} as const;

export async function tlsFolderOf(
  certificate: HostCertificate,
  { folder, endpoint }: { readonly folder: string; readonly endpoint: keyof typeof names },
): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const part of ["ca", "cert", "key"] as const) {
    const link = join(folder, names[endpoint][part]);
    await rm(`${link}.new`, { force: true });
    await symlink(certificate[part], `${link}.new`);
    await rename(`${link}.new`, link);
  }
  return folder;
}
