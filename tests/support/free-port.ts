// A port of the loopback that nobody has, for a program that must be told its port before it starts.
import { createServer } from "node:net";
import { systemRandom } from "@micronova/kit";

// Below the ports that systems give to outgoing connections: a port is kept free while its node is down.
const portMin = 10_000;
const portMax = 15_999;
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (;;) {
    const port = portMin + systemRandom.int(portMax - portMin);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
