// Faults of the store, as one process sees it: transactions that are late, refused, or made without the
// process hearing of it.
import type { Platform } from "@micronova/kit";
import { loseHooks, type Store, storeErrors } from "@micronova/store";
import type { FaultyProcess } from "./bus-door.ts";
import { caller, onBehalfOf } from "./callers.ts";
import type { RuleTable } from "./rule-table.ts";

export interface StoreDoorDeps {
  readonly platform: Platform;
  readonly rules: RuleTable;
  readonly process: FaultyProcess;
}

export function storeDoor({ platform, rules, process }: StoreDoorDeps, store: Store): Store {
  const { role } = process;
  return {
    read: store.read,
    async transaction(done) {
      // Transactions are run in groups, in the context of whoever came first.
      const from = caller();
      const work: typeof done = (tx) => onBehalfOf(from, () => done(tx));
      const { requestId, projectId } = from;
      const facts = { role, project: projectId };
      const hits = rules.decide("store", () => ({ where: `${role} transaction`, requestId, facts }));
      for (const { action } of hits) if (action.kind === "delay") await platform.clock.sleep(action.ms);
      const broken = hits.find(({ action }) => action.kind !== "delay");
      if (broken === undefined) return store.transaction(work);
      const name = `the store of ${role} (fault rule ${broken.rule})`;
      if (broken.action.kind === "refuse") throw storeErrors.locked(name);
      await store.transaction((tx) => {
        loseHooks(tx);
        return work(tx);
      });
      throw storeErrors.unreachable(name, "its answer was lost");
    },
    migrate: () => store.migrate(),
    close: () => store.close(),
  };
}
