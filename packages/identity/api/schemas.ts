// Pieces of Keystone's request schemas that several resources share.
import Type from "typebox";

/** A name needs something to see in it. */
export const name = Type.String({ minLength: 1, maxLength: 255, pattern: "[\\S]+" });
// Keystone keeps projects' and domains' names shorter than others.
export const shortName = Type.String({ minLength: 1, maxLength: 64, pattern: "[\\S]+" });
export const id = Type.String({ minLength: 1, maxLength: 64, pattern: "^[a-zA-Z0-9-]+$" });
export const description = Type.Union([Type.String(), Type.Null()]);
export const idOrNull = Type.Union([id, Type.Null()]);
export const enabled = Type.Boolean();

const flag = Type.Union([Type.Boolean(), Type.Null()]);
export const resourceOptions = Type.Object(
  { immutable: Type.Optional(flag) },
  { additionalProperties: false },
);
export const userOptions = Type.Object(
  {
    ignore_change_password_upon_first_use: Type.Optional(flag),
    ignore_password_expiry: Type.Optional(flag),
    ignore_lockout_failure_attempts: Type.Optional(flag),
    ignore_user_inactivity: Type.Optional(flag),
    lock_password: Type.Optional(flag),
    multi_factor_auth_enabled: Type.Optional(flag),
    multi_factor_auth_rules: Type.Optional(Type.Array(Type.Array(Type.String()))),
  },
  { additionalProperties: false },
);

/** The attributes a client sent that the resource has no column for. */
export function extraOf(body: object, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !known.includes(key)));
}

/** Options without those set to null, which takes them away. */
export function keptOptions(before: string, change: object): string {
  const merged = { ...JSON.parse(before), ...change };
  return JSON.stringify(Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)));
}

/** A boolean as its column holds it, or nothing where the client said nothing. */
export function enabledColumn(body: { readonly enabled?: boolean }): { enabled?: number } {
  return body.enabled === undefined ? {} : { enabled: body.enabled ? 1 : 0 };
}
