// Faults of a host's drivers: a call is late, fails, hangs or kills its process, before or after its work.
import type { Platform } from "@micronova/kit";
import { caller, resourcesIn } from "./callers.ts";
import { faultErrors } from "./errors.ts";
import type { ActionOf } from "./rule-schema.ts";
import type { Hit, RuleTable } from "./rule-table.ts";

export interface DriverDoorDeps {
  readonly platform: Platform;
  readonly rules: RuleTable;
  readonly host: string;
  /** virt, volume, network or image. */
  readonly kind: string;
  /** Does not return. */
  readonly die: () => void;
}

type DriverHit = Hit<ActionOf<"driver">>;
/** A method of a driver; they differ in what they take and answer. */
type AnyMethod = (...args: readonly unknown[]) => Promise<unknown>;

// They begin and end what the process holds, and no call of a worker's leads to them; the last only computes.
const untouched: ReadonlySet<string> = new Set(["start", "stop", "dispose", "path"]);

export function driverDoor<D extends object>(deps: DriverDoorDeps, driver: D): D {
  return new Proxy(driver, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      // A part of a driver, such as its moving of guests, has methods of its own.
      if (typeof value === "object" && value !== null) return driverDoor(deps, value);
      if (typeof value !== "function" || typeof property !== "string" || untouched.has(property))
        return value;
      const method: AnyMethod = (...args) => Reflect.apply(value, target, args);
      return (...args: readonly unknown[]) => call(deps, property, method, args);
    },
  });
}

async function call(
  deps: DriverDoorDeps,
  name: string,
  method: AnyMethod,
  args: readonly unknown[],
): Promise<unknown> {
  const { host, kind, rules } = deps;
  const { requestId, projectId: project } = caller();
  const facts = { driver: kind, host, method: name, project, resource: resourcesIn(args[0]) };
  const where = `${host} ${kind}.${name}`;
  const hits = rules.decide("driver", () => ({ where, requestId, facts }));
  if (hits.length === 0) return method(...args);
  await happen(deps, where, hits, "before");
  const result = await method(...args);
  await happen(deps, where, hits, "after");
  return result;
}

async function happen(
  { platform, die }: DriverDoorDeps,
  where: string,
  hits: readonly DriverHit[],
  moment: "before" | "after",
): Promise<void> {
  for (const { rule, action, over } of hits) {
    if (action.kind === "delay") {
      if (moment === "before") await platform.clock.sleep(action.ms);
      continue;
    }
    if ((action.moment ?? "before") !== moment) continue;
    if (action.kind === "kill") {
      die();
      continue;
    }
    if (action.kind === "fail")
      throw action.message === undefined ? asked(where, rule) : said(action.message);
    const late = action.ms === undefined ? [] : [platform.clock.sleep(action.ms)];
    await Promise.race([over, ...late]);
  }
}

const asked = faultErrors.asked;
const said = faultErrors.said;
