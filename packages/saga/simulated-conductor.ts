// For tests: a conductor whose every effect is counted, and which can be killed before or after any of them.
// It sees store, bus and clock through doors that never answer again once it is dead, as those of a killed
// process do.
import type { Clock, Platform, Service } from "@micronova/kit";
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
export interface Fate {
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

/** The doors of one life. */
export function doorsOf(world: Omit<Doors, "isDead">, fate: Fate): Doors {
  const life = new Life(fate);
  const clock: Clock = {
    ...world.platform.clock,
    now: () => world.platform.clock.now(),
    monotonic: () => world.platform.clock.monotonic(),
    sleep: (ms, signal) => life.mute(world.platform.clock.sleep(ms, signal)),
  };
  const store: Store = {
    ...world.store,
    transaction: (work) => life.effect(() => world.store.transaction(work)),
  };
  return {
    platform: { ...world.platform, clock },
    store,
    rpc: rpcDoor(world.rpc, life),
    isDead: () => life.isDead,
  };
}

class Life {
  isDead = false;
  readonly fate: Fate;
  readonly services: Service[] = [];

  constructor(fate: Fate) {
    this.fate = fate;
  }

  /** Something that others can see; the moments before and after it are where it matters to die. */
  async effect<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead) return silence();
    const at = this.fate.effects++;
    await this.fate.onEffect(at);
    const kill = this.fate.kills[0]?.at === at ? this.fate.kills.shift() : undefined;
    if (kill?.when === "before") return this.#die();
    const result = await settled(work());
    if (kill !== undefined) return this.#die();
    return this.isDead ? silence() : result();
  }

  /** The promise's outcome, unless this life is over by then. */
  async mute<T>(promise: Promise<T>): Promise<T> {
    const result = await settled(promise);
    return this.isDead ? silence() : result();
  }

  async #die(): Promise<never> {
    this.isDead = true;
    for (const service of this.services) await service.stop();
    return silence();
  }
}

function rpcDoor(rpc: Rpc, life: Life): Rpc {
  const keep = (service: Service): Service => {
    life.services.push(service);
    return service;
  };
  return {
    ...rpc,
    on: (contract, host, options) => counted(contract, rpc.on(contract, host, options), life),
    any: (contract, options) => counted(contract, rpc.any(contract, options), life),
    serve: (...args) => keep(rpc.serve(...args)),
    listen: (...args) => keep(rpc.listen(...args)),
  };
}

function counted<C extends Contract>(contract: C, calls: Calls<C>, life: Life): Calls<C> {
  const wrapped = Object.keys(contract.methods).map((name) => {
    const call = (args: never) =>
      life.effect(async () => {
        const send = () => calls[name]!(args);
        life.fate.sent.push(send);
        if (life.fate.isEchoing) await settled(send());
        return send();
      });
    return [name, call] as const;
  });
  // One function for each of the contract's methods, as it was.
  return Object.fromEntries(wrapped) as unknown as Calls<C>;
}

/** Waits for the promise, and gives its outcome when asked. */
async function settled<T>(promise: Promise<T>): Promise<() => Promise<T>> {
  await Promise.allSettled([promise]);
  return () => promise;
}

function silence(): Promise<never> {
  return new Promise(() => {});
}
