// What tests pass instead of the real platform: a clock that stands still until told, chance from a seed, no
// log; and processes that can be killed at any effect.
import { silentLog } from "./log.ts";
import { metricsRegistry } from "./metrics.ts";
import type { Platform } from "./platform.ts";
import { seededRandom } from "./random.ts";
import { type VirtualClock, virtualClock } from "./virtual-clock.ts";

export { type Fate, Life, outcomeOf, silence } from "./life.ts";
export { type VirtualClock, virtualClock } from "./virtual-clock.ts";

export interface TestPlatform extends Platform {
  readonly clock: VirtualClock;
}

export function testPlatform(seed: number | string = 1): TestPlatform {
  return { clock: virtualClock(), random: seededRandom(seed), log: silentLog, metrics: metricsRegistry() };
}
