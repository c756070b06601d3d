// The doors through which a simulated process reaches its store, its drivers and its files: what goes wrong
// there goes wrong here.
import type { ImageFiles } from "@micronova/image";
import { errorTable, type Millis, type Platform } from "@micronova/kit";
import { type Life, silence } from "@micronova/kit/testing";
import { type Store, storeErrors } from "@micronova/store";
import { loseHooks, type sharedStore } from "@micronova/store/testing";
import type { World } from "./world.ts";

const errors = errorTable("simulation", {
  driver: { status: 500, text: (call: string) => `${call} does not work today.` },
});

/** The store as one life sees it. */
export function storeDoor(
  world: World,
  life: Life,
  { opened, platform }: { readonly opened: ReturnType<typeof sharedStore>; readonly platform: Platform },
): Store {
  const store = opened.seenBy(platform);
  return {
    ...store,
    transaction: (work) =>
      life.effect("commits", async () => {
        const { faults } = world;
        if (world.chance(faults.refused)) throw storeErrors.locked("the simulated store");
        if (!world.chance(faults.unheard)) return store.transaction(work);
        await store.transaction((tx) => {
          loseHooks(tx);
          return work(tx);
        });
        throw storeErrors.unreachable("the simulated store", "its answer was lost");
      }),
    // The simulation's to do.
    migrate: async () => undefined,
    close: async () => undefined,
  };
}

// Reading is no effect: it changes nothing, and takes no time that matters.
const reads = new Set([
  "list",
  "info",
  "load",
  "inventory",
  "capacity",
  "consoleOutput",
  "exports",
  "read",
  "disks",
  "copies",
]);
const callMsMax: Millis = 200;
// A guest that boots, a volume that is wiped.
const longCallMsMax: Millis = 3_000;
const longCalls = new Set(["spawn", "create", "delete", "suspend", "leave", "send", "arrive"]);
// Longer than a step may take.
const hangMs: Millis = 12 * 60_000;

/** A driver as one life of its worker sees it. The driver itself outlives the worker, as guests do. */
export function driverDoor<D extends object>(world: World, life: Life, name: string, driver: D): D {
  const doors = Object.entries(driver).map(([method, value]) => {
    // An ability is an object of calls.
    if (typeof value === "object" && value !== null && method === "migration")
      return [method, driverDoor(world, life, name, value)] as const;
    if (typeof value !== "function") return [method, value] as const;
    const call = (...args: unknown[]) => value.apply(driver, args);
    if (method === "start" || method === "stop" || reads.has(method))
      return [method, (...args: unknown[]) => life.hears(call(...args))] as const;
    const door = (...args: unknown[]) => {
      const what = `${name} ${method} ${idOf(args[0])}`;
      return life.effect(what, () => faulty(world, life, { method, what, work: () => call(...args) }));
    };
    return [method, door] as const;
  });
  // One function for each of the driver's, as it was.
  return Object.fromEntries(doors) as D;
}

interface Call {
  readonly method: string;
  readonly what: string;
  readonly work: () => Promise<unknown>;
}

async function faulty(world: World, life: Life, { method, what, work }: Call): Promise<unknown> {
  const { faults, random } = world;
  const isHanging = world.chance(faults.driverHangs);
  if (isHanging) world.note(life.name, `hangs in ${what}`);
  await world.pause(isHanging ? hangMs : random.int(longCalls.has(method) ? longCallMsMax : callMsMax));
  // A worker that was killed meanwhile does no more.
  if (life.isDead) return silence();
  if (world.chance(faults.driverFails)) throw errors.driver(what);
  const result = await work();
  if (world.chance(faults.driverFailsDone)) throw errors.driver(what);
  return result;
}

function idOf(argument: unknown): string {
  if (typeof argument === "string") return argument;
  if (typeof argument !== "object" || argument === null) return "";
  const { serverId, volumeId, id } = argument as Readonly<Record<string, string | undefined>>;
  return serverId ?? volumeId ?? id ?? "";
}

/** Images' files as one life sees them. They are real, so time waits for them. */
export function filesDoor(world: World, life: Life, files: ImageFiles): ImageFiles {
  const held = <A extends readonly unknown[], R>(what: string, work: (...args: A) => Promise<R>) => {
    return (...args: A) => life.effect(`image ${what}`, () => world.clock.hold(() => work(...args)));
  };
  return {
    path: files.path,
    receive: held("receive", files.receive),
    inspect: held("inspect", files.inspect),
    keep: held("keep", files.keep),
    discard: held("discard", files.discard),
    open: held("open", files.open),
    remove: held("remove", files.remove),
    sweep: held("sweep", files.sweep),
  };
}
