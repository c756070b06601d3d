// What must always hold of placement's tables. Tests, the simulator and the running cloud ask the same
// queries.
import { type Invariant, sql } from "@micronova/store";

export const placementInvariants: readonly Invariant[] = [
  {
    name: "nothing is allocated beyond its capacity",
    async find(tx) {
      const found = await sql<{ id: string; class: string; used: number }>`
        SELECT inventories.provider_id AS id, inventories.resource_class AS class,
          SUM(allocations.used) AS used
        FROM inventories JOIN allocations ON allocations.provider_id = inventories.provider_id
          AND allocations.resource_class = inventories.resource_class
        GROUP BY inventories.provider_id, inventories.resource_class, inventories.total, inventories.reserved,
          inventories.allocation_ratio
        HAVING SUM(allocations.used) > (inventories.total - inventories.reserved) * inventories.allocation_ratio`.execute(
        tx,
      );
      return found.rows.map((row) => ({
        text: `Provider ${row.id} has given away ${row.used} of ${row.class}, too much.`,
        about: { kind: "provider", id: row.id },
      }));
    },
  },
  {
    name: "every allocation has its inventory and its consumer",
    async find(tx) {
      const found = await sql<{ consumer: string; id: string }>`
        SELECT allocations.consumer_id AS consumer, allocations.provider_id AS id FROM allocations
        WHERE NOT EXISTS (SELECT 1 FROM inventories WHERE inventories.provider_id = allocations.provider_id
            AND inventories.resource_class = allocations.resource_class)
          OR NOT EXISTS (SELECT 1 FROM consumers WHERE consumers.id = allocations.consumer_id)`.execute(tx);
      return found.rows.map((row) => ({
        text: `Consumer ${row.consumer} holds something of ${row.id} out of nothing.`,
        about: { kind: "server", id: row.consumer },
      }));
    },
  },
  {
    name: "every consumer holds something",
    async find(tx) {
      const found = await sql<{ id: string }>`
        SELECT id FROM consumers WHERE NOT EXISTS
          (SELECT 1 FROM allocations WHERE allocations.consumer_id = consumers.id)`.execute(tx);
      return found.rows.map(({ id }) => ({
        text: `Consumer ${id} holds nothing.`,
        about: { kind: "server", id },
      }));
    },
  },
];
