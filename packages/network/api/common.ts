// Pieces of many bodies and handlers.
import { type ApiContext, Type } from "@micronova/http";
import { errors } from "../errors.ts";

/** Neutron's `name_string` and `description` are 255 characters. */
const text = Type.String({ maxLength: 255 });
export const optionalText = Type.Optional(text);
export const optionalBoolean = Type.Optional(Type.Boolean());
export const idText = Type.String({ minLength: 1, maxLength: 64 });

/** The two names of a project, in any body that creates. */
export const projectProperties = {
  project_id: Type.Optional(Type.String({ maxLength: 255 })),
  tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
};

interface ProjectNamed {
  readonly project_id?: string;
  readonly tenant_id?: string;
}

/** Whom the new thing belongs to: the caller's project, or, for administrators, the one named. */
export function projectOf(context: ApiContext, { project_id, tenant_id }: ProjectNamed): string {
  if (project_id !== undefined && tenant_id !== undefined && project_id !== tenant_id) {
    throw errors.badRequest("'project_id' and 'tenant_id' do not match");
  }
  const named = project_id ?? tenant_id ?? context.projectId;
  if (named === null)
    throw errors.badRequest("Running without keystone AuthN requires that tenant_id is specified");
  if (named !== context.projectId && !context.isAdmin) {
    throw errors.badRequest(
      "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges",
    );
  }
  return named;
}

/** Attributes only administrators may set: named in the refusal as Neutron's policy names them. */
export function demandAdmin(context: ApiContext, body: object, rule: string, keys: readonly string[]): void {
  const used = keys.find((key) => Object.hasOwn(body, key) && !isHarmless(Reflect.get(body, key)));
  if (used !== undefined && !context.isAdmin) throw errors.notAllowed(`${rule}:${used}`);
}

const isHarmless = (value: unknown) => value === false || value === null || value === undefined;

/** `If-Match: revision_number=3` is a condition of the change. */
export function checkRevision(
  headers: Readonly<Record<string, string | undefined>>,
  row: { readonly revision_number: number },
): void {
  const wanted = /^revision_number=(\d+)$/.exec(headers["if-match"] ?? "")?.[1];
  if (wanted !== undefined && Number(wanted) !== row.revision_number) {
    throw errors.staleRevision(wanted, row.revision_number);
  }
}

export const flagOf = (value: boolean | undefined): number | undefined =>
  value === undefined ? undefined : value ? 1 : 0;

/** Without the keys whose value is undefined: an update leaves those columns alone. */
export function given<T extends object>(values: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  // Exactly the keys that have a value remain.
  return Object.fromEntries(entries) as { readonly [K in keyof T]?: Exclude<T[K], undefined> };
}
