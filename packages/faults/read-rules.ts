// Turns what a client sent into rules, or says which field is wrong.
import { check, keystoneDialect, Type } from "@micronova/http";
import { faultErrors } from "./errors.ts";
import { kindsOf, matchDefaults, type Place, places, type RuleSpec, ruleSchema } from "./rule-schema.ts";

/** As much of a rule as must be known to find out what else it may say. */
export interface RuleOutline {
  readonly place: Place;
  readonly action: { readonly kind: string };
}

const rulesMax = 100;

/** The outline of a body `{ "rules": [ … ] }`; `readRules` checks the rest. */
export const rulesBody = Type.Object(
  {
    rules: Type.Array(
      Type.Object({
        place: Type.Unsafe<Place>(Type.Enum([...places])),
        action: Type.Object({ kind: Type.String() }),
      }),
      { minItems: 1, maxItems: rulesMax },
    ),
  },
  { additionalProperties: false },
);

/** Throws a 400 that names the field. */
export async function readRules(rules: readonly RuleOutline[]): Promise<readonly RuleSpec[]> {
  const schemas = rules.map(({ place, action: { kind } }, at) => {
    const known = kindsOf(place);
    if (known.includes(kind)) return ruleSchema(place, kind);
    throw faultErrors.badRule(`rules/${at}/action/kind`, `'${kind}' is not one of ${known.join(", ")}.`);
  });
  const schema = Type.Object({ rules: Type.Tuple(schemas) });
  await check({ schema, value: { rules }, version: "1.0", where: "body", dialect: keystoneDialect });
  // Just checked against the schemas of their places.
  return (rules as readonly Partial<RuleSpec>[]).map((rule, at) => whole(rule as RuleSpec, at));
}

function whole(rule: Partial<RuleSpec> & Pick<RuleSpec, "place" | "action">, at: number): RuleSpec {
  const { place, match = {}, when = {}, expires = {} } = rule;
  const chosen = (["nth", "first", "probability"] as const).filter((name) => when[name] !== undefined);
  const field = `rules/${at}/when`;
  if (chosen.length > 1) throw faultErrors.badRule(field, `one of ${chosen.join(" and ")} is enough.`);
  if (when.seed !== undefined && when.probability === undefined)
    throw faultErrors.badRule(`${field}/seed`, "a seed is for a probability.");
  return { ...rule, match: { ...matchDefaults[place], ...match }, when, expires };
}
