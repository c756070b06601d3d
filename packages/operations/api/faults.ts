// Faults on purpose: the rules, and what they did. A cloud that was not started for it has none of this.
import { type Faults, faultErrors, type RuleState, readRules, rulesBody } from "@micronova/faults";
import { routesOf, Type } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import type { OperationsDeps } from "../service.ts";

const route = routesOf<OperationsDeps>();

export const listFaults = route({
  method: "GET",
  path: "/faults",
  policy: "operations:faults:list",
  success: 200,
  summary:
    "Lists the fault rules and how often each acted. Only of a cloud started with `--faults`, as all below.",
  async handle(_request, deps) {
    const { seed, rules } = faultsOf(deps);
    return { seed, rules: rules.list().map(ruleView) };
  },
});

export const addFaults = route({
  method: "POST",
  path: "/faults",
  policy: "operations:faults:add",
  body: rulesBody,
  success: 201,
  summary: "Adds fault rules: all of them, or none with an error that names the field.",
  async handle({ body }, deps) {
    const { rules } = faultsOf(deps);
    return { rules: rules.add(await readRules(body.rules)).map(ruleView) };
  },
});

export const removeFault = route({
  method: "DELETE",
  path: "/faults/:rule_id",
  policy: "operations:faults:remove",
  success: 204,
  summary: "Removes a fault rule; what it holds goes on.",
  handle: async ({ params }, deps) => faultsOf(deps).rules.remove(params["rule_id"]!),
});

export const clearFaults = route({
  method: "DELETE",
  path: "/faults",
  policy: "operations:faults:remove",
  success: 204,
  summary: "Removes all fault rules.",
  handle: async (_request, deps) => faultsOf(deps).rules.clear(),
});

const eventsMax = 1_000;

export const showFaultLog = route({
  method: "GET",
  path: "/faults/log",
  policy: "operations:faults:list",
  query: Type.Object(
    { limit: Type.Optional(Type.String({ pattern: "^[1-9][0-9]{0,3}$" })) },
    { additionalProperties: false },
  ),
  success: 200,
  summary: "Shows what fault rules did, oldest first; the latest 1,000 at most, `limit` of them.",
  async handle({ query }, deps) {
    return { log: faultsOf(deps).log(Math.min(Number(query.limit ?? eventsMax), eventsMax)) };
  },
});

function faultsOf({ faults }: OperationsDeps): Faults {
  if (faults === undefined) throw faultErrors.off();
  return faults;
}

function ruleView({ rule, matched, hits, addedAt, isOver }: RuleState) {
  return { ...rule, matched, hits, added_at: isoMicros(addedAt), is_over: isOver };
}
