// What holds of sagas, at all times and when the world is quiet, each a query that answers the violations.
import type { Millis } from "@micronova/kit";
import { type Invariant, now } from "@micronova/store";
import { sagaDebts } from "./debts.ts";
import { activeStates, unendedStates } from "./states.ts";

// A lease lasts ten seconds and a scan comes every five; a failing undo pauses a minute, a stuck one five.
const unattendedMs: Millis = 60_000;

export const sagaInvariants: readonly Invariant[] = [
  {
    name: "every saga that has not ended is run by somebody before long",
    async find(tx) {
      const rows = await tx
        .selectFrom("sagas")
        .selectAll()
        .where("state", "in", activeStates)
        .where("lease_until", "<", now(tx) - unattendedMs)
        .execute();
      return rows.map(({ id, name, state, subject_kind: kind, subject_id }) => ({
        text: `The saga ${name} (${id}) is ${state} and nobody has run it for a minute; does a conductor run?`,
        about: { kind, id: subject_id },
      }));
    },
  },
  {
    name: "no undo fails for so long that it needs a person",
    async find(tx) {
      const rows = await tx.selectFrom("sagas").selectAll().where("state", "=", "stuck").execute();
      return rows.map(({ id, name, subject_kind: kind, subject_id }) => ({
        text:
          `The saga ${name} (${id}) of ${kind} ${subject_id} is stuck; \`micronova saga show ${id}\` says why, ` +
          "`saga retry` and `saga abandon` are the ways on.",
        about: { kind: "saga", id },
      }));
    },
  },
];

export const quietSagaInvariants: readonly Invariant[] = [
  {
    name: "every saga has ended",
    async find(tx) {
      const rows = await tx.selectFrom("sagas").selectAll().where("state", "in", unendedStates).execute();
      return rows.map(({ name, state, subject_kind: kind, subject_id: id }) => ({
        text: `The saga ${name} of ${kind} ${id} is ${state}.`,
        about: { kind, id },
      }));
    },
  },
  {
    name: "no host owes anything",
    async find(tx) {
      const debts = await sagaDebts(tx);
      return debts.map(({ sagaId, step, tries, subject }) => ({
        text: `The saga ${sagaId} waits for ${step} after ${tries} tries.`,
        about: subject,
      }));
    },
  },
];
