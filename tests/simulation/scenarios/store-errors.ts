// Transactions are refused, or made without the process hearing of it.
import type { Scenario } from "../scenario.ts";

export const storeErrors: Scenario = {
  name: "store-errors",
  what: "Of the transactions 2 % are refused, and 1 % are made without an answer.",
  faults: { refused: 0.02, unheard: 0.01 },
  excused: [500, 503],
};
