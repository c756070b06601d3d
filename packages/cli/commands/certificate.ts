// `micronova certificate HOST`: what a host needs to speak to other hosts over TLS.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { issueCertificate, makeAuthority } from "@micronova/cloud";
import { ensure, tlsNeeds } from "../prepare.ts";

export async function certificate(
  host: string,
  options: { readonly dataDir: string },
  install: boolean,
): Promise<void> {
  await ensure(tlsNeeds, install);
  const tls = resolve(options.dataDir, "tls");
  await makeAuthority(tls);
  const folder = join(tls, "hosts", host);
  const isThere = existsSync(folder);
  await issueCertificate(tls, host, folder);
  const what = isThere ? "is there already" : "is made, with its key";
  process.stdout.write(
    `micronova: the certificate of ${host} ${what}: move ${folder} to tls/host in that host's data directory\n`,
  );
}
