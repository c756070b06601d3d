// Statistics as answers show them: what a kind of thing counts, with rates; nothing at all as long as nothing
// was counted.
import type { MessageStats } from "@micronova/amqp";
import { messageCounts, type Rates } from "../rates.ts";
import type { JsonObject } from "../routes.ts";

const taken = [
  "publish",
  "deliver_get",
  "deliver",
  "deliver_no_ack",
  "get",
  "get_no_ack",
  "get_empty",
  "redeliver",
  "ack",
] as const;
const given = ["confirm", "return_unroutable", "drop_unroutable"] as const;

export const queueCounts: readonly string[] = taken;
export const channelCounts: readonly string[] = [...taken, ...given];
export const brokerCounts: readonly string[] = [...channelCounts, "disk_reads", "disk_writes"];

/** `key` is what the rates are remembered by. */
export function messageStats(
  rates: Rates,
  {
    key,
    stats,
    names,
  }: { readonly key: object; readonly stats: MessageStats; readonly names: readonly string[] },
): JsonObject {
  const counts = messageCounts(stats);
  const shown = Object.fromEntries(names.map((name) => [name, counts[name] ?? 0]));
  return someStats(Object.values(shown), () => rates.detailed(key, shown));
}

/** `message_stats` when something was counted. */
export function someStats(counts: readonly number[], detailed: () => JsonObject): JsonObject {
  return counts.some((count) => count > 0) ? { message_stats: detailed() } : {};
}
