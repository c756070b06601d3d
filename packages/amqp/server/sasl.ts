// How a client proves who it is: PLAIN and AMQPLAIN carry a name and a password; EXTERNAL says nothing, since
// TLS has proved the name in the client's certificate already.
import type { Access } from "../access/access.ts";
import type { User } from "../access/user.ts";
import { Reader } from "../codec/reader.ts";
import { readTable } from "../codec/table.ts";
import { Writer } from "../codec/writer.ts";

/** Of a client on a listener that asks for certificates. */
export interface Certificate {
  /** The common name of its subject; null when it has none, or several. */
  readonly name: string | null;
}

export interface Proof {
  readonly response: Buffer;
  /** Null on a listener that asks for none. */
  readonly certificate: Certificate | null;
}

type Mechanism = (access: Access, proof: Proof) => User | null;

const byPassword: Readonly<Record<string, Mechanism>> = { PLAIN: plain, AMQPLAIN: amqplain };
const byCertificate: Readonly<Record<string, Mechanism>> = { ...byPassword, EXTERNAL: external };

/** What a client may choose from, by name. */
export function mechanismsFor(certificate: Certificate | null): ReadonlyMap<string, Mechanism> {
  return new Map(Object.entries(certificate === null ? byPassword : byCertificate));
}

function plain(access: Access, { response }: Proof): User | null {
  const [, name, password] = response.toString().split("\0");
  return name === undefined || password === undefined ? null : access.authenticate(name, password);
}

/** A field table without its size. */
function amqplain(access: Access, { response }: Proof): User | null {
  const writer = new Writer(response.length + 4);
  writer.longstr(response);
  const { LOGIN: name, PASSWORD: password } = readTable(new Reader(writer.written));
  return typeof name === "string" && typeof password === "string"
    ? access.authenticate(name, password)
    : null;
}

function external(access: Access, { certificate }: Proof): User | null {
  const name = certificate?.name ?? null;
  return name === null ? null : access.findUser(name);
}
