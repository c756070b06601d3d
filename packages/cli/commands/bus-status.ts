// `micronova bus status`: how a bus is, at a glance.
import { type BusOptions, reachBus } from "../bus-api.ts";
import type { Format } from "../table.ts";

export async function busStatus(options: BusOptions & { readonly format: Format }): Promise<void> {
  const api = await reachBus(options);
  const [overview, nodes] = await Promise.all([api.get("/overview"), api.get("/nodes")]);
  if (options.format === "json") process.stdout.write(`${JSON.stringify({ overview, nodes }, null, 2)}\n`);
  else process.stdout.write(`${linesOf(api.url, overview, nodes).join("\n")}\n`);
}

interface Rate {
  readonly rate: number;
}
interface Overview {
  readonly node: string;
  readonly product_name?: string;
  readonly product_version?: string;
  readonly rabbitmq_version: string;
  readonly listeners: readonly {
    readonly protocol: string;
    readonly ip_address: string;
    readonly port: number;
  }[];
  readonly object_totals: Readonly<Record<string, number>>;
  readonly queue_totals: { readonly messages_ready?: number; readonly messages_unacknowledged?: number };
  readonly message_stats: { readonly publish_details?: Rate; readonly deliver_get_details?: Rate };
}
interface Node {
  readonly name: string;
  readonly mem_used: number;
  readonly mem_alarm: boolean;
  readonly disk_free_alarm: boolean;
}

function linesOf(url: string, overview: Overview, nodes: readonly Node[]): readonly string[] {
  const { object_totals: there, queue_totals: queued, message_stats: stats } = overview;
  const product = `${overview.product_name ?? "RabbitMQ"} ${overview.product_version ?? ""}`.trim();
  const doors = overview.listeners.map((one) => `${one.protocol} ${one.ip_address}:${one.port}`);
  const rate = (details: Rate | undefined) => (details?.rate ?? 0).toFixed(1);
  const alarms = nodes.flatMap(({ name, mem_alarm, disk_free_alarm }) => [
    ...(mem_alarm ? [`memory on ${name}`] : []),
    ...(disk_free_alarm ? [`disk on ${name}`] : []),
  ]);
  return [
    `The bus ${overview.node} runs: ${product}, as RabbitMQ ${overview.rabbitmq_version}.`,
    `  API          ${url}`,
    `  listens      ${doors.join(", ") || "to nobody by socket"}`,
    `  connections  ${there["connections"]}, with ${there["channels"]} channels`,
    `  queues       ${there["queues"]}, with ${there["consumers"]} consumers`,
    `  messages     ${queued.messages_ready ?? 0} ready, ${queued.messages_unacknowledged ?? 0} unacknowledged`,
    `  rates        ${rate(stats.publish_details)} published, ${rate(stats.deliver_get_details)} delivered a second`,
    `  memory       ${nodes.map(({ mem_used }) => `${Math.round(mem_used / 1024 / 1024)} MB`).join(", ")}`,
    `  alarms       ${alarms.join(", ") || "none"}`,
  ];
}
