// Nothing goes wrong but what users do to each other.
import type { Scenario } from "../scenario.ts";

export const calm: Scenario = { name: "calm", what: "Nothing fails." };
