// The doctor: what is not as it must be, and the repairs.
import { routesOf, Type } from "@micronova/http";
import { isoSeconds } from "@micronova/kit";
import { examine, type Finding, mend } from "../doctor.ts";
import type { OperationsDeps } from "../service.ts";

const route = routesOf<OperationsDeps>();

export const showDoctor = route({
  method: "GET",
  path: "/doctor",
  policy: "operations:doctor:show",
  query: Type.Object(
    { hosts: Type.Optional(Type.Unsafe<"true" | "false">(Type.Enum(["true", "false"]))) },
    { additionalProperties: false },
  ),
  success: 200,
  summary: "Examines the tables and, unless `hosts=false`, the hosts; says what is not as it must be.",
  async handle({ context, query }, deps) {
    const what = query.hosts === "false" ? "tables" : "tables and hosts";
    const { at, rules, findings, unanswered } = await examine(deps, context, what);
    return { checked_at: isoSeconds(at), rules, findings: findings.map(findingView), unanswered };
  },
});

export const startRepairs = route({
  method: "POST",
  path: "/doctor/repairs",
  policy: "operations:doctor:repair",
  body: Type.Object(
    {
      findings: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: 10_000 }),
      ),
    },
    { additionalProperties: false },
  ),
  success: 202,
  summary: "Starts the sagas that mend these findings, or all that can be mended.",
  async handle({ context, body }, deps) {
    const mended = await mend(deps, context, body.findings ?? null);
    return {
      repairs: mended.map(({ finding, sagaId }) => ({ finding: findingView(finding), saga_id: sagaId })),
    };
  },
});

function findingView({ id, rule, text, about, repair }: Finding) {
  return { id, rule, text, subject: { kind: about.kind, id: about.id, host: about.host ?? null }, repair };
}
