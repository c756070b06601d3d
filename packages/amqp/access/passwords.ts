// How passwords are kept, byte for byte as RabbitMQ keeps them, so that users move between the two with the
// passwords they have: base64 of a salt of four bytes and the digest of salt and password.
import { createHash, timingSafeEqual } from "node:crypto";
import { amqpErrors } from "../errors.ts";

const digests = {
  rabbit_password_hashing_sha256: { name: "sha256", bytes: 32 },
  rabbit_password_hashing_sha512: { name: "sha512", bytes: 64 },
} as const;

export type HashingAlgorithm = keyof typeof digests;

export interface PasswordHash {
  /** Empty for a user who has no password, and comes by a certificate. */
  readonly passwordHash: string;
  readonly hashingAlgorithm: HashingAlgorithm;
}

const saltBytes = 4;
const defaultAlgorithm: HashingAlgorithm = "rabbit_password_hashing_sha256";

export function hashPassword(password: string, salt: Uint8Array): PasswordHash {
  const digest = digestOf(defaultAlgorithm, salt, password);
  return {
    passwordHash: Buffer.concat([salt, digest]).toString("base64"),
    hashingAlgorithm: defaultAlgorithm,
  };
}

export const newSalt = (random: { bytes(count: number): Uint8Array }) => random.bytes(saltBytes);

/** A hash that was made elsewhere, for a user of that name. */
export function readPasswordHash(user: string, hash: string, algorithm?: string): PasswordHash {
  const hashingAlgorithm = algorithm ?? defaultAlgorithm;
  if (!isKnown(hashingAlgorithm))
    throw amqpErrors.badUser(user, `passwords cannot be hashed by '${hashingAlgorithm}'`);
  const bytes = saltBytes + digests[hashingAlgorithm].bytes;
  if (hash !== "" && Buffer.from(hash, "base64").length !== bytes)
    throw amqpErrors.badUser(user, `its password_hash is not base64 of ${bytes} bytes`);
  return { passwordHash: hash, hashingAlgorithm };
}

/** Takes the same time for any wrong password. */
export function isPassword({ passwordHash, hashingAlgorithm }: PasswordHash, password: string): boolean {
  const bytes = Buffer.from(passwordHash, "base64");
  const kept = bytes.subarray(saltBytes);
  const digest = digestOf(hashingAlgorithm, bytes.subarray(0, saltBytes), password);
  // Nobody comes in without a password, whatever is kept.
  return kept.length === digest.length && timingSafeEqual(kept, digest) && password !== "";
}

function isKnown(algorithm: string): algorithm is HashingAlgorithm {
  return Object.hasOwn(digests, algorithm);
}

function digestOf(algorithm: HashingAlgorithm, salt: Uint8Array, password: string): Buffer {
  return createHash(digests[algorithm].name).update(salt).update(password).digest();
}
