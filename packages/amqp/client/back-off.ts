// How long to wait before the next attempt: longer after each failure, and never as long as the neighbours,
// or a broker that comes back is knocked over by all of them.
import type { Millis, Random } from "@micronova/kit";

const shortestMs: Millis = 50;
// A broker that is back is found within this.
const longestMs: Millis = 2_000;

export function backOffMs(random: Random, failures: number): Millis {
  const longest = Math.min(longestMs, shortestMs * 2 ** Math.min(failures, 10));
  return longest / 2 + random.int(longest / 2);
}
