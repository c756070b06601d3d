// What trouble chooses by chance.
import type { Random } from "@micronova/kit";
import type { SimulatedCloud } from "./cloud.ts";
import type { Process } from "./process.ts";

/** A process of the cloud, whatever it is doing. */
export function anyProcess(cloud: SimulatedCloud, random: Random): Process {
  const all = [...cloud.processes.values()];
  return all[random.int(all.length)]!;
}
