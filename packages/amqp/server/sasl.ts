// How a client proves who it is: PLAIN and AMQPLAIN, both a name and a password.
import { Reader } from "../codec/reader.ts";
import { readTable } from "../codec/table.ts";
import { Writer } from "../codec/writer.ts";

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

export const mechanisms: Readonly<Record<string, (response: Buffer) => Credentials | null>> = {
  PLAIN: readPlain,
  AMQPLAIN: readAmqplain,
};

function readPlain(response: Buffer): Credentials | null {
  const [, name, password] = response.toString().split("\0");
  return name === undefined || password === undefined ? null : { name, password };
}

/** A field table without its size. */
function readAmqplain(response: Buffer): Credentials | null {
  const writer = new Writer(response.length + 4);
  writer.longstr(response);
  const { LOGIN: name, PASSWORD: password } = readTable(new Reader(writer.written));
  return typeof name === "string" && typeof password === "string" ? { name, password } : null;
}
