// Faults at the boundaries of sagas: the process kills itself before or right after the commit that records
// what became of a step.
import type { SagaBoundary } from "@micronova/saga";
import { textOf } from "./callers.ts";
import type { RuleTable } from "./rule-table.ts";

/** `die` does not return. */
export function sagaDoor(rules: RuleTable, die: () => void): SagaBoundary {
  return (moment, { saga, subject, params, request, events }) => {
    const resource = [subject.id, textOf(params, "name") ?? []].flat();
    for (const { step, type } of events) {
      const facts = { saga, step, event: type, moment, project: request.projectId, resource };
      const where = `${saga} ${step} ${type} ${moment}`;
      const hits = rules.decide("saga", () => ({ where, requestId: request.requestId, facts }));
      if (hits.length > 0) die();
    }
  };
}
