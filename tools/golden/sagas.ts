// The sagas' page and the golden file that guards them. The logs of running clouds name the steps, so a step
// once released keeps its name, kind and place; new ones come after it.
import type { CloudReference } from "@micronova/cloud";
import { code, page, table } from "./markdown.ts";

/** Of each saga, its steps as `name (kind)`. */
export type SagaSteps = Readonly<Record<string, readonly string[]>>;

export const sagasFile = "sagas.golden.json";

export function stepsOf({ sagas }: Pick<CloudReference, "sagas">): SagaSteps {
  const sorted = sagas.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(
    sorted.map(({ name, steps }) => [name, steps.map((step) => `${step.name} (${step.kind})`)]),
  );
}

export function sagasPage({ sagas }: CloudReference): string {
  const rows = sagas.map(({ name, steps }) => [
    code(name),
    steps.map((step) => `${code(step.name)} (${step.kind})`).join(" → "),
  ]);
  return page(
    "Sagas",
    "A `local` step happens exactly once, with the record of it; a `remote` step at least once; a `query` changes nothing. " +
      "How to write one: [add a saga](../guides/add-a-saga.md).",
    table(["Saga", "Steps"], rows),
  );
}

/** What in the code breaks the promise of the golden file; empty when steps were only appended. */
export function brokenPromises(golden: SagaSteps, now: SagaSteps): string[] {
  return Object.entries(golden).flatMap(([name, promised]) => {
    const steps = now[name];
    if (steps === undefined) return [`The saga ${name} is gone, and logs of running clouds may name it.`];
    const at = promised.findIndex((step, n) => steps[n] !== step);
    if (at === -1) return [];
    const found = steps[at] ?? "nothing";
    return [`Step ${at + 1} of the saga ${name} was ${promised[at]} and is now ${found}.`];
  });
}
