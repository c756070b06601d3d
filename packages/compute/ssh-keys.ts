// Keys as SSH writes them: reading public ones, making pairs, and fingerprints.
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import type { Random } from "@micronova/kit";

export interface KeyPair {
  readonly publicKey: string;
  /** In OpenSSH's own format, which every client reads. */
  readonly privateKey: string;
}

const keyTypes: ReadonlySet<string> = new Set([
  "ssh-rsa",
  "ssh-dss",
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
]);

/** The MD5 fingerprint of a public key, `aa:bb:…`; null when the text is no such key. */
export function sshFingerprint(publicKey: string): string | null {
  const [type = "", text = ""] = publicKey.trim().split(/\s+/);
  if (!keyTypes.has(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  const blob = Buffer.from(text, "base64");
  // The key repeats its type inside; a line glued together from two keys does not.
  const inner = blob.length < 4 ? "" : blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
  return inner === type ? colons(createHash("md5").update(blob).digest()) : null;
}

/** The SHA-1 fingerprint of a certificate in PEM form; null when the text is none. */
export function certificateFingerprint(pem: string): string | null {
  try {
    return new X509Certificate(pem).fingerprint.toLowerCase();
  } catch {
    // OpenSSL's many reasons all mean the same to the user: this is no certificate.
    return null;
  }
}

const comment = "Generated-by-Nova";
const type = "ssh-ed25519";
/** What stands before an Ed25519 seed in PKCS #8 (RFC 8410). */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

export function makeKeyPair(random: Random): KeyPair {
  const seed = Buffer.from(random.bytes(32));
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
  const point = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  const blob = Buffer.concat([text(type), text(point)]);
  return {
    publicKey: `${type} ${blob.toString("base64")} ${comment}`,
    privateKey: pem(openSshKey({ seed, point, blob, check: Buffer.from(random.bytes(4)) })),
  };
}

/** The container of PROTOCOL.key in OpenSSH's sources, without a passphrase. */
function openSshKey(key: {
  readonly seed: Buffer;
  readonly point: Buffer;
  readonly blob: Buffer;
  /** Any number, twice: how a reader with a wrong passphrase notices. */
  readonly check: Buffer;
}): Buffer {
  const { seed, point, blob, check } = key;
  const secret = [check, check, text(type), text(point), text(Buffer.concat([seed, point])), text(comment)];
  const length = secret.reduce((sum, part) => sum + part.length, 0);
  // Padded to the block of no cipher, 8 bytes, with 1, 2, 3, …
  const padding = Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, at) => at + 1));
  const count = Buffer.from([0, 0, 0, 1]);
  const head = [Buffer.from("openssh-key-v1\0"), text("none"), text("none"), text(""), count, text(blob)];
  return Buffer.concat([...head, text(Buffer.concat([...secret, padding]))]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join(
    "\n",
  );
}

/** A length and the bytes, as SSH writes text (RFC 4251). */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function colons(bytes: Buffer): string {
  return bytes.toString("hex").replaceAll(/(..)(?=.)/g, "$1:");
}
