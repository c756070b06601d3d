// What holds of sagas when the world is quiet, each a query that answers the violations.
import type { Tx } from "@micronova/store";
import { sagaDebts } from "./debts.ts";
import { type SagaState, sagaStates } from "./states.ts";

// The keys are the states.
const states = Object.keys(sagaStates) as readonly SagaState[];
const unended = states.filter((state) => !sagaStates[state].isEnd);

export const quietSagaInvariants: readonly {
  readonly name: string;
  find(tx: Tx): Promise<string[]>;
}[] = [
  {
    name: "every saga has ended",
    async find(tx) {
      const rows = await tx.selectFrom("sagas").selectAll().where("state", "in", unended).execute();
      return rows.map(
        ({ name, state, subject_kind, subject_id }) => `${name} of ${subject_kind} ${subject_id} is ${state}`,
      );
    },
  },
  {
    name: "no host owes anything",
    async find(tx) {
      const debts = await sagaDebts(tx);
      return debts.map(({ sagaId, step, tries }) => `saga ${sagaId} waits for ${step} after ${tries} tries`);
    },
  },
];
