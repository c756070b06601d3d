// For tests: a conductor whose every effect is counted, and which can be killed before or after any of them.
// It sees store, bus and clock through doors that never answer again once it is dead, as those of a killed
// process do.
import type { Platform } from "@micronova/kit";
import { Life, outcomeOf, type VirtualClock } from "@micronova/kit/testing";
import type { Calls, Contract, Rpc } from "@micronova/rpc";
import type { Store } from "@micronova/store";

export interface Kill {
  /** The effect, counted from 0 over all lives. */
  readonly at: number;
  readonly when: "before" | "after";
}

/** A call that was made, which can be made again exactly as it was. */
export type SentCall = () => Promise<unknown>;

/** What the lives of a conductor have in common. */
export interface Fates {
  effects: number;
  readonly kills: Kill[];
  readonly sent: SentCall[];
  /** Each call is made twice before it is answered. */
  readonly isEchoing: boolean;
  /** Called before each effect. */
  onEffect(at: number): Promise<void>;
}

export interface Doors {
  readonly platform: Platform;
  readonly store: Store;
  readonly rpc: Rpc;
  isDead(): boolean;
}

interface World extends Omit<Doors, "isDead"> {
  readonly platform: Platform & { readonly clock: VirtualClock };
}

/** The doors of one life. */
export function doorsOf(world: World, fates: Fates): Doors {
  const life = new Life("conductor", async (self, _effect, perform) => {
    const at = fates.effects++;
    await fates.onEffect(at);
    const kill = fates.kills[0]?.at === at ? fates.kills.shift() : undefined;
    if (kill?.when === "before") return self.kill();
    await perform();
    if (kill !== undefined) self.kill();
  });
  const store: Store = {
    ...world.store,
    transaction: (work) => life.effect("transaction", () => world.store.transaction(work)),
  };
  return {
    platform: { ...world.platform, clock: life.clock(world.platform.clock) },
    store,
    rpc: rpcDoor(world.rpc, life, fates),
    isDead: () => life.isDead,
  };
}

function rpcDoor(rpc: Rpc, life: Life, fates: Fates): Rpc {
  const whileAlive = <S extends { stop(): Promise<void> }>(service: S): S => {
    life.onEnd(() => void service.stop());
    return service;
  };
  return {
    ...rpc,
    on: (contract, host, options) => counted(contract, rpc.on(contract, host, options), { life, fates }),
    any: (contract, options) => counted(contract, rpc.any(contract, options), { life, fates }),
    serve: (...args) => whileAlive(rpc.serve(...args)),
    listen: (...args) => whileAlive(rpc.listen(...args)),
  };
}

function counted<C extends Contract>(
  contract: C,
  calls: Calls<C>,
  { life, fates }: { readonly life: Life; readonly fates: Fates },
): Calls<C> {
  const wrapped = Object.keys(contract.methods).map((name) => {
    const call = (args: never) =>
      life.effect(name, async () => {
        const send = () => calls[name]!(args);
        fates.sent.push(send);
        if (fates.isEchoing) await outcomeOf(send());
        return send();
      });
    return [name, call] as const;
  });
  // One function for each of the contract's methods, as it was.
  return Object.fromEntries(wrapped) as unknown as Calls<C>;
}
