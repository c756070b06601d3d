// The page of the error tables: what can go wrong by itself, with its status and its sentence.
import type { CloudReference } from "@micronova/cloud";
import { code, page, table } from "./markdown.ts";

type Maker = CloudReference["errors"][string][string];

// More than any sentence has parameters.
const blanks = Array.from({ length: 8 }, () => "…");

export function errorsPage({ errors }: CloudReference): string {
  const sections = Object.entries(errors).flatMap(([name, makers]) => [
    `## ${name}`,
    table(
      ["Kind", "Status", "Sentence"],
      Object.values(makers).map((make) => [code(make.kind), String(make.status), sentence(make)]),
    ),
  ]);
  const rule =
    "A kind survives the bus and is what code compares; `…` stands for what is filled in. A status of 500 outside HTTP's " +
    "reach is an exit status of 1.";
  return page("Errors", rule, ...sections);
}

/** The sentence with blanks. Parameters are printed, so text stands in for any of them. */
function sentence(make: Maker): string {
  // Each maker's own parameters are known to its package only.
  const filled = make as unknown as (...params: readonly string[]) => Error;
  return filled(...blanks).message;
}
