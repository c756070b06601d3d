// How each process of a cloud sees the world. In one process all see the same; where faults are told to some
// of them each has doors of its own, as if it ran alone.
import type { Bus } from "@micronova/amqp";
import type { Faults, FaultyProcess } from "@micronova/faults";
import type { Platform } from "@micronova/kit";
import { busRpc, type Rpc } from "@micronova/rpc";
import type { SharedStore, Store } from "@micronova/store";

export interface View {
  readonly platform: Platform;
  readonly store: Store;
  readonly bus: Bus;
  readonly rpc: Rpc;
}

export interface World {
  view(process: FaultyProcess): View;
  /** A driver as its worker sees it; `kind` is virt, volume or network. */
  driver<D extends object>(where: { readonly host: string; readonly kind: string }, driver: D): D;
  close(): Promise<void>;
}

export interface WorldDeps {
  readonly platform: Platform;
  readonly store: SharedStore;
  readonly bus: Bus;
  readonly prefetch: number;
}

export function plainWorld({ platform, store, bus, prefetch }: WorldDeps): World {
  const rpc = busRpc({ platform, bus, prefetch });
  const view: View = { platform, store, bus, rpc };
  return { view: () => view, driver: (_where, driver) => driver, close: () => rpc.close() };
}

export function faultyWorld(faults: Faults, deps: WorldDeps): World {
  const views: View[] = [];
  return {
    view(process) {
      const platform = faults.platform(process);
      const bus = faults.bus(process, deps.bus);
      const rpc = busRpc({ platform, bus, prefetch: deps.prefetch });
      const view = { platform, bus, rpc, store: faults.store(process, deps.store.seenBy(platform)) };
      views.push(view);
      return view;
    },
    driver: (where, driver) => faults.driver(where, driver),
    async close() {
      for (const { rpc } of views) await rpc.close();
    },
  };
}
