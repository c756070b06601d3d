// What conductors tell each other. Both are hints: the tables are the truth, and a scan finds what a lost
// hint meant.
import type { Uuid } from "@micronova/kit";
import { contract, method, topic } from "@micronova/rpc";

/** Any one conductor: there is work. */
export const sagaContract = contract("conductor_saga", {
  wake: method<{ readonly sagaId: Uuid }>({ timeoutMs: 10_000 }),
});

/** All conductors: whoever runs this saga stops waiting for its step. */
export const sagaCancelled = topic<{ readonly sagaId: Uuid }>("saga_cancelled");
