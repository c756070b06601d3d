// The conductor's half of the conversation with volume hosts: it writes down what they report.
import type { Service } from "@micronova/kit";
import type { Rpc } from "@micronova/rpc";
import type { Store } from "@micronova/store";
import { recordPool } from "./pools.ts";
import { volumeReportsContract } from "./worker/contract.ts";

export function volumeReports({ store, rpc }: { readonly store: Store; readonly rpc: Rpc }): Service {
  return rpc.serve(volumeReportsContract, null, {
    async report_pool(report) {
      await store.transaction((tx) => recordPool(tx, report));
    },
  });
}
