// A port for an export: each has one of its own, so that the server behind it lets in one host.
import { createServer } from "node:net";
import { volumeDriverErrors } from "../errors.ts";

/** As many exports a host serves at most. */
const portCount = 1_000;

export async function freePort(
  { address, firstPort }: { readonly address: string; readonly firstPort: number },
  taken: ReadonlySet<number>,
): Promise<number> {
  const last = Math.min(firstPort + portCount, 65_536) - 1;
  for (let port = firstPort; port <= last; port++) {
    if (!taken.has(port) && (await isFree(address, port))) return port;
  }
  throw volumeDriverErrors.noExportPort(address, firstPort, last);
}

function isFree(address: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" || error.code === "EACCES" ? resolve(false) : reject(error),
    );
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
