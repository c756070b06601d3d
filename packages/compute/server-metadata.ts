// Pairs and tags that users keep with their servers: JSON in the server's row, changed in one transaction.
import type { RequestContext } from "@micronova/kit";
import type { Store } from "@micronova/store";
import { errors } from "./errors.ts";
import { getWritable, updateServer } from "./servers.ts";
import type { Server } from "./tables.ts";

export type Pairs = Readonly<Record<string, string>>;

/** Nova's `metadata_items`. */
export const metadataItemsMax = 128;
export const tagsMax = 50;

export function metadataOf(server: Pick<Server, "metadata">): Pairs {
  // Written as a JSON object of texts by this package alone.
  return JSON.parse(server.metadata) as Pairs;
}

export function tagsOf(server: Pick<Server, "tags">): readonly string[] {
  // Written as a JSON array of texts by this package alone.
  return JSON.parse(server.tags) as string[];
}

interface Asked {
  readonly context: RequestContext;
  readonly params: Readonly<Record<string, string>>;
}

/** Reads, changes and writes the pairs; answers what is there afterwards. */
export function changeMetadata(
  store: Store,
  { context, params }: Asked,
  change: (old: Pairs) => Pairs,
): Promise<Pairs> {
  const id = params["server_id"]!;
  return store.transaction(async (tx) => {
    const server = await getWritable(tx, context, id, "update metadata");
    if (server.locked_by !== null && !context.isAdmin) throw errors.serverLocked(id);
    const metadata = change(metadataOf(server));
    if (Object.keys(metadata).length > metadataItemsMax) throw errors.metadataTooMany(metadataItemsMax);
    await updateServer(tx, context, id, { metadata: JSON.stringify(metadata) });
    return metadata;
  });
}

/** Reads, changes and writes the tags; answers those before and after. */
export function changeTags(
  store: Store,
  { context, params }: Asked,
  change: (old: readonly string[]) => readonly string[],
): Promise<{ readonly before: readonly string[]; readonly after: readonly string[] }> {
  const id = params["server_id"]!;
  return store.transaction(async (tx) => {
    const server = await getWritable(tx, context, id, "update tags");
    const before = tagsOf(server);
    const after = [...new Set(change(before))];
    if (after.length > tagsMax) throw errors.tagsTooMany(tagsMax);
    await updateServer(tx, context, id, { tags: JSON.stringify(after) });
    return { before, after };
  });
}
