// The cloud's own certificate authority, and the certificates of its hosts. The authority's key is in the
// data directory of whoever made it and, once a host joins, in the store for all APIs; a host has a folder
// with the authority's certificate and one of its own under its name in the cloud, by which others know it.
// Each folder appears as a whole.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { run } from "@micronova/kit";
import { type Authority, type HostCertificate, keepAuthority, knownAuthority } from "@micronova/operations";
import type { Store } from "@micronova/store";
import { errors } from "./errors.ts";

/** Files in PEM form. */
export interface CertificateFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

// QEMU reads a certificate when a guest starts, and a guest may run for years.
const validDays = 3_650;
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
// What a common name may be in X.509.
const nameCharsMax = 64;
const hostName = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

const authorityIn = (folder: string) => join(folder, "authority");

/**
 * The certificate of this host in `DIR/tls/host`: it is made when the authority is here, and null when that is
 * elsewhere and the host was given none.
 */
export async function hostCertificate(folder: string, host: string): Promise<CertificateFiles | null> {
  const own = join(folder, "host");
  if (!existsSync(own) && existsSync(authorityIn(folder))) await issueCertificate(folder, host, own);
  return existsSync(own) ? filesIn(own) : null;
}

/** Makes the authority in `DIR/tls/authority` unless it is there. */
export async function makeAuthority(folder: string): Promise<void> {
  if (existsSync(authorityIn(folder))) return;
  // Two authorities in one cloud would not know each other's hosts.
  if (existsSync(join(folder, "host"))) throw errors.authorityElsewhere(folder);
  await makeFolder(authorityIn(folder), async (draft) => {
    const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
    await run("openssl", [
      ...["req", "-x509", ...newKey, "-days", `${validDays}`, "-subj", "/CN=Micronova"],
      ...extensions.flatMap((extension) => ["-addext", extension]),
      ...["-keyout", join(draft, "ca.key"), "-out", join(draft, "ca.pem")],
    ]);
    chmodSync(join(draft, "ca.key"), 0o600);
  });
}

/** Makes sure that the authority in `DIR/tls/authority` is the one that all APIs of the cloud have. */
export async function shareAuthority(store: Store, folder: string): Promise<void> {
  const known = await knownAuthority(store.read);
  if (known === null) await makeAuthority(folder);
  else await putAuthority(folder, known);
  const own = readAuthority(folder);
  const kept = known ?? (await keepAuthority(store, own));
  // Of two APIs that made one at once the first one's stays.
  if (kept.cert !== own.cert) throw errors.twoAuthorities(authorityIn(folder));
}

async function putAuthority(folder: string, { cert, key }: Authority): Promise<void> {
  if (existsSync(authorityIn(folder))) return;
  await makeFolder(authorityIn(folder), async (draft) => {
    writeFileSync(join(draft, "ca.pem"), cert);
    writeFileSync(join(draft, "ca.key"), key, { mode: 0o600 });
  });
}

function readAuthority(folder: string): Authority {
  const read = (name: string) => readFileSync(join(authorityIn(folder), name), "utf8");
  return { cert: read("ca.pem"), key: read("ca.key") };
}

/** The certificate of a host elsewhere: it goes there, and nothing of it stays. */
export async function certificateFor(folder: string, host: string): Promise<HostCertificate> {
  const leaving = mkdtempSync(join(folder, "leaving-"));
  try {
    await issueCertificate(folder, host, join(leaving, "host"));
    const { ca, cert, key } = filesIn(join(leaving, "host"));
    const read = (path: string) => readFileSync(path, "utf8");
    return { ca: read(ca), cert: read(cert), key: read(key) };
  } finally {
    rmSync(leaving, { recursive: true, force: true });
  }
}

/** Keeps the certificate that a host was given, in `DIR/tls/host`. */
export async function keepCertificate(folder: string, { ca, cert, key }: HostCertificate): Promise<void> {
  await makeFolder(join(folder, "host"), async (draft) => {
    const files = filesIn(draft);
    writeFileSync(files.ca, ca);
    writeFileSync(files.cert, cert);
    writeFileSync(files.key, key, { mode: 0o600 });
  });
}

/** Makes the folder `into`, with what a host needs; it is to be moved to `DIR/tls/host` there. */
export async function issueCertificate(folder: string, host: string, into: string): Promise<void> {
  if (!hostName.test(host) || host.length > nameCharsMax) throw errors.badHostName(host);
  if (existsSync(into)) return;
  const authority = filesIn(authorityIn(folder));
  await makeFolder(into, async (draft) => {
    const at = (name: string) => join(draft, name);
    const files = filesIn(draft);
    const extensions = [
      "basicConstraints=critical,CA:FALSE",
      // What QEMU demands of whom it talks to.
      "keyUsage=critical,digitalSignature,keyEncipherment",
      "extendedKeyUsage=serverAuth,clientAuth",
      `subjectAltName=DNS:${host}`,
    ];
    writeFileSync(at("extensions"), `${extensions.join("\n")}\n`);
    const request = ["-subj", `/CN=${host}`, "-keyout", files.key, "-out", at("request")];
    await run("openssl", ["req", ...newKey, ...request]);
    chmodSync(files.key, 0o600);
    const signer = ["-CA", authority.ca, "-CAkey", join(authorityIn(folder), "ca.key")];
    const { stdout: serial } = await run("openssl", ["rand", "-hex", "16"]);
    const signed = ["-set_serial", `0x${serial.trim()}`, "-days", `${validDays}`, "-out", files.cert];
    const wanted = ["-in", at("request"), "-extfile", at("extensions")];
    await run("openssl", ["x509", "-req", ...wanted, ...signer, ...signed]);
    for (const name of ["extensions", "request"]) rmSync(at(name));
    copyFileSync(authority.ca, files.ca);
  });
}

function filesIn(folder: string): CertificateFiles {
  const at = (name: string) => join(folder, name);
  return { ca: at("ca.pem"), cert: at("host.pem"), key: at("host.key") };
}

/** Of several processes that make the same folder the first one's stays. */
async function makeFolder(path: string, fill: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  try {
    await fill(draft);
    renameSync(draft, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
