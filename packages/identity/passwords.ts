// Password hashes: argon2id in the PHC string form, so that the costs can rise later without a migration.
import { type Argon2Parameters, argon2, argon2Sync, timingSafeEqual } from "node:crypto";
import type { Random } from "@micronova/kit";
import { errors } from "./errors.ts";

// OWASP's second choice for argon2id: 19 MiB, two passes, one lane.
const cost = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const saltBytes = 16;
const hashBytes = 32;

// A hash keeps one core and 19 MiB busy for tens of milliseconds: two at once leave threads for files and
// names.
const concurrentMax = 2;
// A waiting log-in is answered within about three seconds or refused at once.
const waitingMax = 128;

export interface Passwords {
  hash(password: string): Promise<string>;
  /**
   * A null hash costs as much as a wrong password, so that the time does not tell whether the user exists.
   */
  verify(password: string, hash: string | null): Promise<boolean>;
}

/** Hashes off the event loop, a few at a time. */
export function passwordHasher(random: Random): Passwords {
  const gate = bounded();
  return {
    async hash(password) {
      const salt = random.bytes(saltBytes);
      return render(
        salt,
        await gate(() => derive({ message: password, nonce: salt, tagLength: hashBytes, ...cost })),
      );
    },
    async verify(password, hash) {
      const known = hash === null ? null : parse(hash);
      const wanted = known ?? { salt: new Uint8Array(saltBytes), hash: new Uint8Array(hashBytes), cost };
      const derived = await gate(() =>
        derive({ message: password, nonce: wanted.salt, tagLength: wanted.hash.length, ...wanted.cost }),
      );
      return timingSafeEqual(derived, wanted.hash) && known !== null;
    },
  };
}

/** For seeding inside a transaction, where nothing but the transaction may be awaited. */
export function hashNow(password: string, salt: Uint8Array): string {
  return render(
    salt,
    argon2Sync("argon2id", { message: password, nonce: salt, tagLength: hashBytes, ...cost }),
  );
}

function derive(parameters: Argon2Parameters): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    argon2("argon2id", parameters, (error, key) => (error === null ? resolve(key) : reject(error))),
  );
}

function bounded(): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= concurrentMax) {
      if (waiting.length >= waitingMax) throw errors.busy();
      // The one that ends hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

function render(salt: Uint8Array, hash: Uint8Array): string {
  const { memory, passes, parallelism } = cost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;
}

function parse(text: string) {
  const found = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(text);
  if (found === null) throw new Error("A stored password hash is not in the PHC form of argon2id.");
  const [, memory, passes, parallelism, salt, hash] = found;
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: new Uint8Array(Buffer.from(salt!, "base64")),
    hash: new Uint8Array(Buffer.from(hash!, "base64")),
  };
}

/** The PHC form leaves the padding out. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}
