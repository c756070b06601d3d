// Identifiers. A flavored type: any string fits, but a `Uuid` does not pass where another flavor is asked.

declare const flavor: unique symbol;
type Flavored<Name extends string> = string & { readonly [flavor]?: Name };

/** A lower-case, dashed UUID. */
export type Uuid = Flavored<"Uuid">;

const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Whether the text has the form of a UUID, with or without dashes. */
export function isUuid(text: string): text is Uuid {
  return uuidPattern.test(text);
}

/** Keystone's form of an id: 32 hexadecimal digits. */
export function hexId(uuid: Uuid): string {
  return uuid.replaceAll("-", "");
}
