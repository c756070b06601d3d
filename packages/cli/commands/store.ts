// `micronova store move`: takes a stopped cloud's tables to another engine.
import { moveStore } from "@micronova/cloud";
import { type Format, printRows } from "../table.ts";

interface MoveOptions {
  readonly dataDir: string;
  readonly to: string;
  readonly format: Format;
}

export async function storeMove({ dataDir, to, format }: MoveOptions): Promise<void> {
  const copies = await moveStore(dataDir, to);
  printRows(
    format,
    ["table", "rows", "checksum"],
    copies.map((copy) => ({ ...copy })),
  );
  process.stderr.write(
    "Everything was read back as it was written. Set store.url in the configuration before the cloud is started " +
      "again; cloud.db stays as it was, and knows nothing of what comes.\n",
  );
}
