// Pieces of schemas that several bodies share, as Nova words their limits.
import { Type } from "@micronova/http";

/** Names: printable, no white space at the ends. */
export const name = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: "^(?!\\s)[^\\x00-\\x1f\\x7f]*(?<!\\s)$",
});
export const text255 = Type.String({ maxLength: 255 });
export const nullableText255 = Type.Union([text255, Type.Null()]);
export const tag = Type.String({ minLength: 1, maxLength: 60, pattern: "^[^,/]*$" });
export const uuid = Type.String({
  pattern: "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$",
});
export const metadataKey = "^[a-zA-Z0-9-_:. ]{1,255}$";
export const metadata = Type.Record(Type.String({ pattern: metadataKey }), text255, {
  additionalProperties: false,
});

const yes = ["true", "True", "TRUE", "1", "on", "On", "ON", "yes", "Yes", "YES"] as const;
const no = ["false", "False", "FALSE", "0", "off", "Off", "OFF", "no", "No", "NO"] as const;

/** A JSON boolean or one of the words that stand for one. */
export const boolLike = Type.Union([Type.Boolean(), ...[...yes, ...no].map((word) => Type.Literal(word))]);

/** What a value of `boolLike` means; null when it was not given or is another word. */
export function readBool(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  if (yes.some((word) => word === value)) return true;
  return no.some((word) => word === value) ? false : null;
}

/** A count as a number or as digits. */
export const countLike = Type.Union([
  Type.Integer({ minimum: 1 }),
  Type.String({ minLength: 1, pattern: "^[0-9]*$" }),
]);

export const ipv4 = Type.String({ pattern: "^(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.(?!$)|$)){4}$" });
export const ipv6 = Type.String({ pattern: "^[0-9a-fA-F:.]{2,45}$" });
export const diskConfig = Type.Union([Type.Literal("AUTO"), Type.Literal("MANUAL")]);
export const hostLike = Type.String({ minLength: 1, maxLength: 255, pattern: "^[a-zA-Z0-9-._]*$" });
