// What the generator reaches at most, when no broker is there to be waited for: beyond that nothing is seen.
import type { Generator } from "./generator.ts";
import { thousands } from "./table.ts";

const sizes = [16, 1_024, 65_536] as const;

export async function benchReach(
  generator: Generator,
  seconds: number,
): Promise<readonly (readonly string[])[]> {
  const rows: (readonly string[])[] = [];
  for (const size of sizes) {
    const args = ["--mode", "reach", "--duration", String(seconds), "--size", String(size)];
    const reached = await generator.run({ url: "amqp://127.0.0.1", pid: process.pid }, args);
    rows.push([
      `${size} B`,
      `${thousands(reached["published_s"]!)}/s`,
      `${thousands(reached["consumed_s"]!)}/s`,
    ]);
  }
  return rows;
}
