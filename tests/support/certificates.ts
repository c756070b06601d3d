// An authority and certificates of it, made by openssl for one test.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@micronova/kit";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certPath: string;
  readonly keyPath: string;
}

export interface Authority {
  readonly ca: string;
  readonly caPath: string;
  /** A certificate for the loopback whose subject is such as `/CN=worker`. */
  certificate(subject: string): Promise<Certificate>;
  /** Removes everything that was made. */
  remove(): void;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export async function anAuthority(): Promise<Authority> {
  const dir = mkdtempSync(join(tmpdir(), "micronova-ca-"));
  const at = (name: string) => join(dir, name);
  const days = ["-days", "2"];
  await run("openssl", [
    ...["req", "-x509", ...newKey, ...days],
    ...["-subj", "/CN=the authority of a test", "-keyout", at("ca.key"), "-out", at("ca.pem")],
  ]);
  writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  let count = 0;
  return {
    ca: readFileSync(at("ca.pem"), "utf8"),
    caPath: at("ca.pem"),
    async certificate(subject) {
      const name = `${++count}`;
      const [keyPath, request, certPath] = [at(`${name}.key`), at(`${name}.csr`), at(`${name}.pem`)];
      await run("openssl", ["req", ...newKey, "-subj", subject, "-keyout", keyPath, "-out", request]);
      const signer = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"];
      const output = ["-extfile", at("names"), ...days, "-out", certPath];
      await run("openssl", ["x509", "-req", "-in", request, ...signer, ...output]);
      return {
        cert: readFileSync(certPath, "utf8"),
        key: readFileSync(keyPath, "utf8"),
        certPath,
        keyPath,
      };
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
