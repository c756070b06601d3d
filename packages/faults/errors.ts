// What can go wrong with fault rules, and what the rules themselves make go wrong.
import { errorTable } from "@micronova/kit";

export const faultErrors = errorTable("faults", {
  off: {
    status: 404,
    text: () => "This cloud was not started with --faults, so nothing of it fails on purpose.",
  },
  ruleNotFound: { status: 404, text: (id: string) => `There is no fault rule ${id}.` },
  ruleExists: { status: 409, text: (id: string) => `There is a fault rule ${id} already; remove it first.` },
  tooMany: {
    status: 409,
    text: (countMax: number) => `There are ${countMax} fault rules already; remove some first.`,
  },
  badRule: {
    status: 400,
    text: (field: string, why: string) => `Invalid input for field '${field}': ${why}`,
  },
  said: { status: 500, retriable: true, text: (message: string) => message },
  asked: {
    status: 500,
    retriable: true,
    text: (what: string, rule: string) => `${what} fails, as fault rule ${rule} asks.`,
  },
});
