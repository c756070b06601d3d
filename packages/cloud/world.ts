// How each process of a cloud sees the world. In one process all see the same; where faults are told to some
// of them each has doors of its own, as if it ran alone.
import type { Bus } from "@micronova/amqp";
import type { Faults, FaultyProcess } from "@micronova/faults";
import type { Platform } from "@micronova/kit";
import { busRpc, type Rpc } from "@micronova/rpc";
import type { SharedStore, Store } from "@micronova/store";

/** What every process has. */
export interface View {
  readonly platform: Platform;
  readonly bus: Bus;
  readonly rpc: Rpc;
}

/** What a process of the control plane has besides. */
export interface ControlView extends View {
  readonly store: Store;
}

export interface World {
  view(process: FaultyProcess): View;
  control(process: FaultyProcess, store: SharedStore): ControlView;
  /** A driver as its worker sees it; `kind` is virt, volume, network or image. */
  driver<D extends object>(where: { readonly host: string; readonly kind: string }, driver: D): D;
  close(): Promise<void>;
}

export interface WorldDeps {
  readonly platform: Platform;
  readonly bus: Bus;
  readonly prefetch: number;
}

export function plainWorld({ platform, bus, prefetch }: WorldDeps): World {
  const rpc = busRpc({ platform, bus, prefetch });
  const view: View = { platform, bus, rpc };
  return {
    view: () => view,
    control: (_process, store) => ({ ...view, store }),
    driver: (_where, driver) => driver,
    close: () => rpc.close(),
  };
}

export function faultyWorld(faults: Faults, deps: WorldDeps): World {
  const views: View[] = [];
  const view = (process: FaultyProcess): View => {
    const platform = faults.platform(process);
    const bus = faults.bus(process, deps.bus);
    const rpc = busRpc({ platform, bus, prefetch: deps.prefetch });
    const seen = { platform, bus, rpc };
    views.push(seen);
    return seen;
  };
  return {
    view,
    control(process, store) {
      const seen = view(process);
      return { ...seen, store: faults.store(process, store.seenBy(seen.platform)) };
    },
    driver: (where, driver) => faults.driver(where, driver),
    async close() {
      for (const { rpc } of views) await rpc.close();
    },
  };
}
