// /reshaper: moves inventories together with what is allocated of them, as when a host's resources get
// providers of their own.
import { reply, routesOf } from "@micronova/http";
import type { PlacementDeps } from "../deps.ts";
import { putInventory, replaceInventories } from "../inventories.ts";
import { assertClasses } from "../names.ts";
import { expectGeneration } from "../providers.ts";
import { writeMany } from "./allocations.ts";
import { wholeInventories } from "./inventories.ts";
import { reshaperBody } from "./schemas.ts";

const route = routesOf<PlacementDeps>();

export const reshape = route({
  since: "1.30",
  method: "POST",
  path: "/reshaper",
  policy: "placement:reshaper:reshape",
  body: reshaperBody,
  success: 204,
  summary: "Changes inventories and the allocations of them together.",
  async handle(request, { store }) {
    const { inventories, allocations } = request.body;
    await store.transaction(async (tx) => {
      const wanted = Object.entries(inventories).map(
        ([id, given]) => [id, wholeInventories(request, id, given.inventories)] as const,
      );
      // New inventories first, then the allocations, then what is left without use may go.
      for (const [id, whole] of wanted) {
        await expectGeneration(tx, id, inventories[id]!.resource_provider_generation);
        await assertClasses(tx, Object.keys(whole));
        for (const [name, inventory] of Object.entries(whole)) await putInventory(tx, id, name, inventory);
      }
      await writeMany(tx, request, allocations);
      for (const [id, whole] of wanted) await replaceInventories(tx, id, whole);
    });
    return reply({ body: null });
  },
});
