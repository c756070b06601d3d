// The codec of methods, derived from their table: for each method a list of steps, made once.
import { type FieldType, type MethodName, type MethodSpec, methods } from "./methods.ts";
import type { Reader } from "./reader.ts";
import { ReplyError } from "./reply-codes.ts";
import { readTable, type Table, writeTable } from "./table.ts";
import type { Writer } from "./writer.ts";

interface Values {
  readonly bit: boolean;
  readonly octet: number;
  readonly short: number;
  readonly long: number;
  readonly longlong: number;
  readonly shortstr: string;
  readonly longstr: Uint8Array;
  readonly table: Table;
}

type Fields<M extends MethodName> = (typeof methods)[M]["fields"];

/** A method's arguments, by the names of its fields. */
export type Args<M extends MethodName> = {
  readonly [F in keyof Fields<M> as Fields<M>[F] extends keyof Values
    ? F
    : never]: Fields<M>[F] extends keyof Values ? Values[Fields<M>[F]] : never;
};

/** A method with its arguments, as it was read. */
export type Method = { readonly [M in MethodName]: { readonly name: M; readonly args: Args<M> } }[MethodName];

type AnyValue = Values[keyof Values];

interface Plan {
  readonly name: MethodName;
  readonly spec: MethodSpec;
  readonly fields: readonly (readonly [name: string, type: FieldType])[];
}

const plans: readonly Plan[] = Object.entries(methods).map(([name, spec]) => ({
  // The entries are the table's own.
  name: name as MethodName,
  spec,
  fields: Object.entries(spec.fields),
}));
const planByName = new Map(plans.map((plan) => [plan.name, plan]));
const planById = new Map(plans.map((plan) => [methodKey(plan.spec.classId, plan.spec.methodId), plan]));

export function methodKey(classId: number, methodId: number): number {
  return classId * 65_536 + methodId;
}

/** The method of these ids, as a close names the one to blame; null for none. */
export function methodName(classId: number, methodId: number): MethodName | null {
  return planById.get(methodKey(classId, methodId))?.name ?? null;
}

/** Reads a method frame's payload, ids included. */
export function readMethod(reader: Reader): Method {
  const classId = reader.short();
  const methodId = reader.short();
  const plan = planById.get(methodKey(classId, methodId));
  if (plan === undefined)
    throw new ReplyError("COMMAND_INVALID", `unknown method ${methodId} of class ${classId}`);
  const args: Record<string, AnyValue> = {};
  const bits = new BitReader(reader);
  for (const [name, type] of plan.fields) {
    const value = readField(reader, bits, type);
    if (value !== undefined) args[name] = value;
  }
  // Read field by field as the table says, which is what the type says.
  return { name: plan.name, args } as unknown as Method;
}

/** Writes a method frame's payload, ids included. */
export function writeMethod<M extends MethodName>(writer: Writer, name: M, args: Args<M>): void {
  // Every name of the table has its plan.
  const plan = planByName.get(name) as Plan;
  writer.short(plan.spec.classId);
  writer.short(plan.spec.methodId);
  const bits = new BitWriter(writer);
  // The arguments have the fields of the table, by their type.
  const values = args as unknown as Readonly<Record<string, AnyValue>>;
  for (const [field, type] of plan.fields) {
    if (isBit(type)) bits.write(type === "bit" && values[field] === true);
    else {
      bits.end();
      writeField(writer, type, values[field]);
    }
  }
  bits.end();
}

function isBit(type: FieldType): boolean {
  return type === "bit" || type === "reservedBit";
}

/** Undefined for a reserved field. */
function readField(reader: Reader, bits: BitReader, type: FieldType): AnyValue | undefined {
  if (isBit(type)) {
    const bit = bits.read();
    return type === "bit" ? bit : undefined;
  }
  bits.end();
  switch (type) {
    case "reservedShort":
      return void reader.short();
    case "reservedShortstr":
      return void reader.pass(reader.octet());
    case "table":
      return readTable(reader);
    default:
      // Bits were dealt with above; every other type has a reader of its name.
      return reader[type as "octet" | "short" | "long" | "longlong" | "shortstr" | "longstr"]();
  }
}

function writeField(writer: Writer, type: FieldType, value: AnyValue | undefined): void {
  if (type === "reservedShort") writer.short(0);
  else if (type === "reservedShortstr") writer.octet(0);
  // What follows trusts the type of `writeMethod`: the value is of the field's type.
  else if (type === "table") writeTable(writer, value as Table);
  else if (type === "longstr") writer.longstr(value as Uint8Array);
  else if (type === "shortstr") writer.shortstr(value as string);
  else writer[type as "octet" | "short" | "long" | "longlong"](value as number);
}

/** Neighbouring bits share an octet, lowest first. */
class BitReader {
  readonly #reader: Reader;
  #octet = 0;
  #used = 8;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  read(): boolean {
    if (this.#used === 8) {
      this.#octet = this.#reader.octet();
      this.#used = 0;
    }
    return ((this.#octet >> this.#used++) & 1) === 1;
  }

  end(): void {
    this.#used = 8;
  }
}

class BitWriter {
  readonly #writer: Writer;
  #octet = 0;
  #used = 0;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  write(bit: boolean): void {
    if (this.#used === 8) this.end();
    if (bit) this.#octet |= 1 << this.#used;
    this.#used++;
  }

  end(): void {
    if (this.#used > 0) this.#writer.octet(this.#octet);
    this.#octet = 0;
    this.#used = 0;
  }
}
